/** How long a key must wait before it may be tried again. @module */
import { type Clock, TokenBucket } from "#apimachinery";

export interface RateLimiter<Key> {
  /** Counts a failure (or a use) of `key` and returns the delay in ms. */
  when(key: Key): number;
  /** `key` succeeded: its count starts anew. */
  forget(key: Key): void;
  /** Failures of `key` since it was last forgotten. */
  retries(key: Key): number;
}

/** Doubles from `baseMs` to `maxMs` with every failure of the key. Bounded by the number of distinct failing keys. */
export function itemExponentialRateLimiter<Key>(baseMs: number, maxMs: number): RateLimiter<Key> {
  const failures = new Map<Key, number>();
  return {
    when(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.min(baseMs * 2 ** count, maxMs);
    },
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
  };
}

/** A token bucket over all keys together: `burst` at once, then `perSecond`. */
export function bucketRateLimiter<Key>(perSecond: number, burst: number, clock: Clock): RateLimiter<Key> {
  const bucket = new TokenBucket(clock, { perSecond, burst });
  return {
    when: () => bucket.reserve(),
    forget: () => {},
    retries: () => 0,
  };
}

/** The longest delay of several limiters. */
export function maxOfRateLimiter<Key>(...limiters: readonly RateLimiter<Key>[]): RateLimiter<Key> {
  return {
    when: (key) => Math.max(...limiters.map((limiter) => limiter.when(key))),
    forget: (key) => limiters.forEach((limiter) => limiter.forget(key)),
    retries: (key) => Math.max(...limiters.map((limiter) => limiter.retries(key))),
  };
}

/** Upstream's `DefaultControllerRateLimiter`. */
export function defaultControllerRateLimiter<Key>(clock: Clock): RateLimiter<Key> {
  return maxOfRateLimiter(
    itemExponentialRateLimiter<Key>(5, 1_000_000),
    bucketRateLimiter<Key>(10, 100, clock),
  );
}
