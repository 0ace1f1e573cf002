/** Lets a bounded number of requests pass in a time: a bucket of tokens that fills again. @module */
import type { Clock } from "#apimachinery";

export interface RateLimiter {
  /** Takes a token, if there is one. */
  allow(): boolean;
}

export function newRateLimiter(
  clock: Clock,
  { perSecond, burst }: { perSecond: number; burst: number },
): RateLimiter {
  let tokens = burst;
  let atMs = clock.monotonicMs();
  return {
    allow() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - atMs) / 1000) * perSecond);
      atMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
