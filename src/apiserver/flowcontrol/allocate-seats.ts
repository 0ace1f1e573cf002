/** Divides seats between priority levels in proportion to what they want, within the bounds of each. @module */

export interface SeatClaim {
  readonly lowerBound: number;
  readonly upperBound: number;
  /** At least `lowerBound`; what is shared is shared in proportion to it. */
  readonly target: number;
}

export interface SeatAllocation {
  /** In the order of the claims; they sum to what was to be divided. */
  readonly seats: readonly number[];
  /** Each claim got this fraction of its target, unless one of its bounds says otherwise. */
  readonly fairFraction: number;
}

/** A claim of nothing is still a claim: nothing is divided by zero. */
const TARGET_MIN = 0.001;
const EPSILON = 1e-7;

/** Undefined when no division obeys all bounds. */
export function allocateSeats(total: number, claims: readonly SeatClaim[]): SeatAllocation | undefined {
  const items = claims.map((claim) => ({ ...claim, target: Math.max(claim.target, TARGET_MIN) }));
  const low = sum(items, ({ lowerBound }) => lowerBound);
  const high = sum(items, ({ upperBound }) => upperBound);
  const isImpossible = items.some(
    ({ lowerBound, upperBound, target }) =>
      lowerBound < 0 || upperBound < lowerBound || target < lowerBound - EPSILON,
  );
  if (isImpossible || low - total > EPSILON || total - high > EPSILON) return undefined;
  if (total === 0) return { seats: items.map(() => 0), fairFraction: 0 };
  const lowest = Math.min(...items.map((item) => item.lowerBound / item.target));
  if (low - total > -EPSILON) {
    return { seats: items.map(({ lowerBound }) => lowerBound), fairFraction: lowest };
  }
  if (total - high > -EPSILON) {
    const highest = Math.max(...items.map((item) => item.upperBound / item.target));
    return { seats: items.map(({ upperBound }) => upperBound), fairFraction: highest };
  }
  const fairFraction = findFraction(total, low, lowest, items);
  const seats = items.map(({ lowerBound, upperBound, target }) =>
    Math.max(lowerBound, Math.min(upperBound, fairFraction * target)),
  );
  return { seats, fairFraction };
}

/** What is given out grows with the fraction in straight pieces: a claim takes part between its two bounds. */
function findFraction(total: number, low: number, lowest: number, items: readonly SeatClaim[]): number {
  const bends = items
    .flatMap(({ lowerBound, upperBound, target }) => [
      { at: lowerBound / target, slope: target },
      { at: upperBound / target, slope: -target },
    ])
    .toSorted((a, b) => a.at - b.at);
  let fraction = lowest;
  let given = low;
  let slope = 0;
  for (const bend of bends) {
    const more = (bend.at - fraction) * slope;
    if (slope > EPSILON && given + more >= total) break;
    given += more;
    fraction = bend.at;
    slope += bend.slope;
  }
  return slope > EPSILON ? fraction + (total - given) / slope : fraction;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
