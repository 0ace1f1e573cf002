/** Finds what pods have left that nobody knows any more: those whose driver was away when they went. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { VolumeManager } from "./volume-manager.ts";

export interface OrphanSweepOptions {
  readonly volumes: Pick<VolumeManager, "podsOnDisk">;
  /** No effect for pods that are known, or are being cleaned up. */
  readonly removeTraces: (uid: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PERIOD_MS = 10_000;

/** Runs until `signal` aborts. To be started when the pods of the API are known. */
export async function sweepOrphans(options: OrphanSweepOptions, signal: AbortSignal): Promise<void> {
  const { volumes, removeTraces, clock, logger } = options;
  while (!signal.aborted) {
    await pause(clock, PERIOD_MS, signal);
    if (signal.aborted) return;
    try {
      for (const uid of await volumes.podsOnDisk()) removeTraces(uid);
    } catch (err) {
      logger.warn("Looking for folders of removed pods failed", { err });
    }
  }
}
