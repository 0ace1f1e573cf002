/** Forgets the store's history beyond some minutes, as upstream's API servers do for etcd. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Store } from "#storage";

/** Paged lists and watches may go back this far at least. */
const INTERVAL_MS = 300_000;

/** Runs until `signal` aborts. */
export function startCompactor(store: Store, clock: Clock, logger: Logger, signal: AbortSignal): void {
  let previous: number | undefined;
  const compact = async (): Promise<void> => {
    try {
      const current = await store.revision();
      // An idle store has nothing to forget.
      if (previous !== undefined && previous !== current) await store.compact(previous);
      previous = current;
    } catch (err) {
      logger.warn("Compaction of the store failed, trying again later", { err });
    }
  };
  const run = (): void => {
    if (signal.aborted) return;
    void compact().finally(() => clock.after(INTERVAL_MS, run));
  };
  run();
}
