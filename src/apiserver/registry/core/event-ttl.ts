/** Events are forgotten an hour after they were last written; upstream leaves that to leases of its store. @module */
import { isNotFound, type Clock, type Logger } from "#apimachinery";
import { follow } from "../../watchcache/follow.ts";
import type { RequestContext } from "../context.ts";
import type { ResourceStore } from "../resource-store.ts";

const TTL_MS = 3_600_000;
const SWEEP_MS = 60_000;
/** Written and not yet expired; beyond it the oldest go early. */
const EVENTS_MAX = 500_000;
/** Deletes under way at once. */
const DELETE_BATCH = 100;

interface Written {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  /** A later write of the same event has its own entry. */
  readonly revision: number;
  readonly expiresAt: number;
}

export interface EventTtlOptions {
  readonly events: ResourceStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: RequestContext;
}

/** Runs until the context's signal aborts. */
export function startEventTtl(options: EventTtlOptions): void {
  const { events, clock, context } = options;
  const written: Written[] = [];
  follow(events.cache, { withInitial: true, signal: context.signal }, (changes) => {
    const expiresAt = clock.monotonicMs() + TTL_MS;
    for (const { object, isDeleted } of changes) {
      if (isDeleted) continue;
      const { key, namespace, name, revision } = object;
      written.push({ key, namespace, name, revision, expiresAt });
    }
  });
  const sweep = (): void => {
    if (context.signal.aborted) return;
    void forget(takeExpired(written, clock.monotonicMs()), options).finally(() =>
      clock.after(SWEEP_MS, sweep),
    );
  };
  clock.after(SWEEP_MS, sweep);
}

/** Entries come in the order of their expiry. */
function takeExpired(written: Written[], nowMs: number): readonly Written[] {
  const first = written.findIndex(({ expiresAt }) => expiresAt > nowMs);
  const expired = first < 0 ? written.length : first;
  return written.splice(0, Math.max(expired, written.length - EVENTS_MAX));
}

async function forget(
  expired: readonly Written[],
  { events, logger, context }: EventTtlOptions,
): Promise<void> {
  for (let i = 0; i < expired.length; i += DELETE_BATCH) {
    const batch = expired
      .slice(i, i + DELETE_BATCH)
      .filter(({ key, revision }) => events.cache.get(key)?.revision === revision);
    await Promise.all(
      batch.map(({ namespace, name }) =>
        events.delete(namespace, name, {}, context).catch((err: unknown) => {
          if (!isNotFound(err)) logger.warn("Expired event could not be deleted", { namespace, name, err });
        }),
      ),
    );
  }
}
