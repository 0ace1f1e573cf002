/** A client whose writes wait until they may go: so many at once, then so many a second. For events. @module */
import type { Clock } from "#apimachinery";
import { bucketRateLimiter, type Client } from "#client";

export interface WriteLimit {
  readonly perSecond: number;
  readonly burst: number;
  readonly clock: Clock;
}

type Writer = Pick<Client, "create" | "patch">;

export function limitedWrites(client: Writer, { perSecond, burst, clock }: WriteLimit): Writer {
  const limiter = bucketRateLimiter<undefined>(perSecond, burst, clock);
  const turn = async (signal: AbortSignal): Promise<void> => {
    const delayMs = limiter.when(undefined);
    if (delayMs > 0) await clock.sleep(delayMs, signal);
  };
  return {
    async create(kind, object, signal, options) {
      await turn(signal);
      return client.create(kind, object, signal, options);
    },
    async patch(kind, ref, patch, signal, options) {
      await turn(signal);
      return client.patch(kind, ref, patch, signal, options);
    },
  };
}
