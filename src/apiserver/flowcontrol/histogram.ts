/** Histograms kept as plain numbers: they are on the path of every request. @module */

/** Counts of observations by upper bound. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One for each bound, and one for what lies above all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number, weight = 1): void {
    this.counts[bucketOf(this.bounds, value)]! += weight;
    this.sum += value * weight;
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}

/** A ratio over time: what it was at the end of every nanosecond, as upstream's timing histograms. */
export class TimingRatio {
  readonly #histogram: Histogram;
  #numerator = 0;
  #denominator = 1;
  #sinceMs: number;

  constructor(bounds: readonly number[], nowMs: number) {
    this.#histogram = new Histogram(bounds);
    this.#sinceMs = nowMs;
  }

  set(numerator: number, nowMs: number): void {
    if (numerator === this.#numerator) return;
    this.#pass(nowMs);
    this.#numerator = numerator;
  }

  setDenominator(denominator: number, nowMs: number): void {
    this.#pass(nowMs);
    this.#denominator = denominator;
  }

  /** With everything up to now. */
  read(nowMs: number): Histogram {
    this.#pass(nowMs);
    return this.#histogram;
  }

  #pass(nowMs: number): void {
    const nanoseconds = Math.round((nowMs - this.#sinceMs) * 1e6);
    this.#sinceMs = nowMs;
    if (nanoseconds > 0) this.#histogram.observe(this.#numerator / this.#denominator, nanoseconds);
  }
}

/** Bounds are few: looking at one after the other is the fastest. */
function bucketOf(bounds: readonly number[], value: number): number {
  let i = 0;
  while (i < bounds.length && value > bounds[i]!) i++;
  return i;
}
