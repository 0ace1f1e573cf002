/** Finds what pods have left that nobody knows any more: those whose driver was away when they went. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { VolumeManager } from "./volume-manager.ts";

export interface OrphanSweepOptions {
  readonly volumes: Pick<VolumeManager, "podsOnDisk">;
  /** No effect for pods that are known (false), or are being cleaned up. */
  readonly removeTraces: (uid: string) => boolean;
  /** How many pods without an owner were found by one look. */
  readonly onSwept: (orphans: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PERIOD_MS = 10_000;

/** Runs until `signal` aborts. To be started when the pods of the API are known. */
export async function sweepOrphans(options: OrphanSweepOptions, signal: AbortSignal): Promise<void> {
  const { volumes, removeTraces, onSwept, clock, logger } = options;
  while (!signal.aborted) {
    await pause(clock, PERIOD_MS, signal);
    if (signal.aborted) return;
    try {
      onSwept((await volumes.podsOnDisk()).filter(removeTraces).length);
    } catch (err) {
      logger.warn("Looking for folders of removed pods failed", { err });
    }
  }
}
