/** How many seats a level could use, over time: mean, deviation and maximum of an interval. @module */

export interface DemandInterval {
  readonly seconds: number;
  /** Weighted by time; 0 for an interval without length. */
  readonly average: number;
  readonly deviation: number;
  readonly max: number;
}

/** Smoothed demand of what lay 5 minutes back counts half, at one interval every 10 s. */
const SMOOTHING = 0.977;

/** Integrates a number that changes in steps. */
export class SeatDemand {
  #value = 0;
  #sinceMs: number;
  #seconds = 0;
  #integral = 0;
  #integralOfSquares = 0;
  #max = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  set(value: number, nowMs: number): void {
    if (value === this.#value) return;
    this.#integrate(nowMs);
    this.#value = value;
    if (value > this.#max) this.#max = value;
  }

  /** Ends the interval and begins the next one. */
  next(nowMs: number): DemandInterval {
    this.#integrate(nowMs);
    const seconds = this.#seconds;
    const average = seconds > 0 ? this.#integral / seconds : 0;
    const variance = seconds > 0 ? this.#integralOfSquares / seconds - average * average : 0;
    const interval = { seconds, average, deviation: Math.sqrt(Math.max(0, variance)), max: this.#max };
    this.#seconds = this.#integral = this.#integralOfSquares = 0;
    this.#max = this.#value;
    return interval;
  }

  #integrate(nowMs: number): void {
    const seconds = (nowMs - this.#sinceMs) / 1000;
    this.#sinceMs = nowMs;
    this.#seconds += seconds;
    this.#integral += this.#value * seconds;
    this.#integralOfSquares += this.#value * this.#value * seconds;
  }
}

/** Rises at once, falls slowly. */
export function smoothedDemand(before: number, { seconds, average, deviation }: DemandInterval): number {
  if (seconds <= 0) return before;
  const envelope = average + deviation;
  return Math.max(envelope, SMOOTHING * before + (1 - SMOOTHING) * envelope);
}
