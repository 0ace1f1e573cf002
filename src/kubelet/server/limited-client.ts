/** A client whose requests wait until they may go: so many at once, then so many a second. @module */
import { type Clock, TokenBucket, type TokenRate } from "#apimachinery";
import type { Client } from "#client";

export interface RequestLimit extends TokenRate {
  readonly clock: Clock;
}

type Call = (...args: unknown[]) => unknown;

/** A watch counts as the one request that begins it. */
export function limitedClient(client: Client, { perSecond, burst, clock }: RequestLimit): Client {
  const bucket = new TokenBucket(clock, { perSecond, burst });
  const turn = async (args: readonly unknown[]): Promise<void> => {
    const delayMs = bucket.reserve();
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
