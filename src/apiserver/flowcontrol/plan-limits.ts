/** How many seats each priority level has: from its configuration, and from what all of them needed lately. @module */
import type { PriorityLevelConfigurationSpec } from "#api/flowcontrol/v1/types.gen";
import { allocateSeats } from "./allocate-seats.ts";

/** Seats a level has by configuration. */
export interface SeatLimits {
  readonly nominal: number;
  /** What it does not lend. */
  readonly min: number;
  /** With what it may borrow. */
  readonly max: number;
}

/** The seats that one request of a level may be estimated at: its share, so that one of each queue of a hand can run. */
const SEATS_OF_REQUEST_SHARE = 0.15;

/** Limits in the order of the specs, from each one's part of all shares; rounded up, so that they may sum to a little more. */
export function planLimits(
  concurrencyLimit: number,
  specs: readonly PriorityLevelConfigurationSpec[],
): readonly SeatLimits[] {
  const shares = specs.map(sharesOf);
  const all = shares.reduce((sum, share) => sum + share, 0);
  return specs.map((spec, i) => {
    const nominal = all === 0 ? 0 : Math.ceil((concurrencyLimit * shares[i]!) / all);
    const { lendablePercent = 0 } = spec.limited ?? spec.exempt ?? {};
    const borrowingPercent = spec.limited?.borrowingLimitPercent;
    const lendable = Math.round((nominal * lendablePercent) / 100);
    const borrowing =
      borrowingPercent === undefined ? concurrencyLimit : Math.round((nominal * borrowingPercent) / 100);
    return { nominal, min: nominal - lendable, max: nominal + borrowing };
  });
}

export function sharesOf(spec: PriorityLevelConfigurationSpec): number {
  return (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? 0;
}

/** The most seats that one request may take; 0: the level does not say. */
export function requestSeatsMax(spec: PriorityLevelConfigurationSpec, nominal: number): number {
  const handSize = spec.limited?.limitResponse?.queuing?.handSize;
  if (handSize === undefined) return 0;
  return Math.max(1, Math.min(Math.ceil(nominal * SEATS_OF_REQUEST_SHARE), Math.floor(nominal / handSize)));
}

/** What a level needed since the last adjustment. */
export interface LevelDemand {
  readonly isExempt: boolean;
  readonly limits: SeatLimits;
  readonly currentLimit: number;
  readonly highWatermark: number;
  /** Falls slowly: half-life 5 minutes. */
  readonly smoothed: number;
}

export interface Borrowing {
  /** Current limits, in the order of the levels. */
  readonly currentLimits: readonly number[];
  /** What each would get if all could have what they want. */
  readonly targets: readonly number[];
  readonly fairFraction: number;
}

/**
 * The seats of all levels, divided anew: exempt ones take what they use, the others get at least what they used at most
 * (up to their nominal limit) and the rest in proportion to their smoothed demand (KEP-1040).
 */
export function planBorrowing(levels: readonly LevelDemand[]): Borrowing {
  const floors = levels.map(({ isExempt, limits, highWatermark }) =>
    Math.max(limits.min, isExempt ? highWatermark : Math.min(limits.nominal, highWatermark)),
  );
  const targets = levels.map(({ smoothed }, i) => Math.max(floors[i]!, smoothed));
  const limited = levels.flatMap(({ isExempt }, i) => (isExempt ? [] : [i]));
  const all = levels.reduce((sum, { limits }) => sum + limits.nominal, 0);
  const exempt = levels.reduce((sum, { isExempt }, i) => sum + (isExempt ? floors[i]! : 0), 0);
  const remaining = all - exempt;
  const minSum = limited.reduce((sum, i) => sum + levels[i]!.limits.min, 0);
  const floorSum = limited.reduce((sum, i) => sum + floors[i]!, 0);
  const currentLimits = [...floors];
  if (remaining <= minSum) {
    for (const i of limited) currentLimits[i] = levels[i]!.limits.min;
    return { currentLimits, targets, fairFraction: 0 };
  }
  if (remaining <= floorSum) {
    const part = (remaining - minSum) / (floorSum - minSum);
    for (const i of limited) {
      const { min } = levels[i]!.limits;
      currentLimits[i] = min + Math.round((floors[i]! - min) * part);
    }
    return { currentLimits, targets, fairFraction: 0 };
  }
  const claims = limited.map((i) => ({
    lowerBound: floors[i]!,
    upperBound: levels[i]!.limits.max,
    target: targets[i]!,
  }));
  const allocation = allocateSeats(all, claims);
  for (const [at, i] of limited.entries()) {
    currentLimits[i] = Math.round(allocation?.seats[at] ?? levels[i]!.currentLimit);
  }
  return { currentLimits, targets, fairFraction: allocation?.fairFraction ?? 0 };
}
