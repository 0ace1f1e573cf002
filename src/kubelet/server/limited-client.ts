/** A client whose requests wait until they may go: so many at once, then so many a second. @module */
import type { Clock } from "#apimachinery";
import { bucketRateLimiter, type Client } from "#client";

export interface RequestLimit {
  readonly perSecond: number;
  readonly burst: number;
  readonly clock: Clock;
}

type Call = (...args: unknown[]) => unknown;

/** A watch counts as the one request that begins it. */
export function limitedClient(client: Client, { perSecond, burst, clock }: RequestLimit): Client {
  const limiter = bucketRateLimiter<undefined>(perSecond, burst, clock);
  const turn = async (args: readonly unknown[]): Promise<void> => {
    const delayMs = limiter.when(undefined);
    const signal = args.find((arg) => arg instanceof AbortSignal) ?? new AbortController().signal;
    if (delayMs > 0) await clock.sleep(delayMs, signal);
  };
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const call: Call = value.bind(target);
      if (name === "watch")
        return async function* watch(...args: unknown[]): AsyncGenerator {
          await turn(args);
          yield* call(...args) as AsyncIterable<unknown>;
        };
      return async (...args: unknown[]) => {
        await turn(args);
        return call(...args);
      };
    },
  });
}
