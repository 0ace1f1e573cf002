/** So many at once, then so many a second: a bucket of tokens that fills again. @module */
import type { Clock } from "./clock.ts";

export interface TokenRate {
  readonly perSecond: number;
  /** What the bucket holds; it is full at first. */
  readonly burst: number;
}

/** The names are those of Go's `rate.Limiter`. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: TokenRate;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, rate: TokenRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledMs = clock.monotonicMs();
  }

  /** Takes a token if there is one; who is refused takes nothing. */
  allow(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes a token, if need be one that is still to come, and returns the ms until it is there. */
  reserve(): number {
    this.#fill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1_000) / this.#rate.perSecond;
  }

  #fill(): void {
    const { perSecond, burst } = this.#rate;
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
  }
}
