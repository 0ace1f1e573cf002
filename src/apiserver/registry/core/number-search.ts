/** In which order the numbers of a range are tried, for addresses and node ports. Pure. @module */

export interface NumberRange {
  readonly first: number;
  readonly count: number;
  /** The lowest numbers, which are handed out last: people choose fixed ones there (KEP-3070, KEP-3668). */
  readonly staticCount: number;
}

/** Every number once, from a random one on in the upper part, then in the lower one. `random` is uniform in [0, 1). */
export function* candidates(
  { first, count, staticCount }: NumberRange,
  random: () => number,
): Generator<number> {
  yield* circle(first + staticCount, count - staticCount, random);
  yield* circle(first, Math.min(staticCount, count), random);
}

function* circle(first: number, count: number, random: () => number): Generator<number> {
  if (count <= 0) return;
  const start = Math.floor(random() * count);
  for (let i = 0; i < count; i++) yield first + ((start + i) % count);
}

/** Upstream's band of numbers kept for people: 1/`divisor` of the range within bounds; none in small ranges. */
export function staticBand(count: number, min: number, max: number, divisor: number): number {
  if (count <= min) return 0;
  return Math.min(Math.max(min, Math.floor(count / divisor)), max);
}
