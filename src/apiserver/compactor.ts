/** Forgets the history of the store that nobody should still need; upstream's compactor of etcd. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Revision, Store } from "#storage";
import type { WatchCache } from "./watchcache/watch-cache.ts";

export interface CompactorOptions {
  readonly store: Pick<Store, "compact">;
  readonly watchCache: Pick<WatchCache, "revision" | "compact">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
}

/**
 * After every interval compacts to the revision at which the interval began, so that each revision lives for one interval
 * at least. Where nothing was written the store is left alone. Resolves when `signal` has aborted and no compaction runs.
 */
export async function runCompactor(options: CompactorOptions, signal: AbortSignal): Promise<void> {
  const { store, watchCache, clock, logger, intervalMs } = options;
  let compacted: Revision = 0;
  let before = watchCache.revision;
  while (await slept(clock, intervalMs, signal)) {
    const target = before;
    before = watchCache.revision;
    if (target <= compacted) continue;
    try {
      await store.compact(target);
      watchCache.compact(target);
      compacted = target;
      logger.debug("Compacted the store", { revision: target });
    } catch (err) {
      logger.warn("Compaction of the store failed, trying again", { revision: target, intervalMs, err });
    }
  }
}

/** False when the signal aborted. */
function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    // A timer that keeps no process alive: there is nothing to lose with it.
    const timer = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    });
    const stop = (): void => {
      timer.cancel();
      resolve(false);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
