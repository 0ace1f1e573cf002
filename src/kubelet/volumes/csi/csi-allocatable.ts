/** Asks drivers again and again how many volumes this node can take, as often as their CSIDriver says. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { CSIDriver } from "#api/storage/v1/types.gen";

export interface CsiAllocatableOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the driver is on this node. */
  readonly isRegistered: (driver: string) => boolean;
  /** As far as it is known; none says nothing of a period. */
  readonly object: (driver: string) => CSIDriver | undefined;
  /** Asks the driver, and tells the CSINode. */
  readonly refresh: (driver: string, signal: AbortSignal) => Promise<void>;
}

interface Task {
  readonly periodMs: number;
  readonly stop: AbortController;
}

export class CsiAllocatable {
  readonly #options: CsiAllocatableOptions;
  /** By driver; bounded by the drivers of the node. */
  readonly #tasks = new Map<string, Task>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: CsiAllocatableOptions) {
    this.#options = options;
  }

  /** The driver has come or gone, or its object has changed. */
  sync(driver: string): void {
    const { isRegistered, object } = this.#options;
    const periodMs = isRegistered(driver) ? updatePeriodMs(object(driver)) : undefined;
    const known = this.#tasks.get(driver);
    if (this.#isClosed || known?.periodMs === periodMs) return;
    known?.stop.abort();
    this.#tasks.delete(driver);
    if (periodMs === undefined) return;
    const task = { periodMs, stop: new AbortController() };
    this.#tasks.set(driver, task);
    const running = this.#run(driver, task).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing is asked any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { stop } of this.#tasks.values()) stop.abort();
    await Promise.all(this.#running);
  }

  async #run(driver: string, { periodMs, stop: { signal } }: Task): Promise<void> {
    const { clock, logger, refresh } = this.#options;
    for (;;) {
      await pause(clock, periodMs, signal);
      if (signal.aborted) return;
      try {
        await refresh(driver, signal);
      } catch (err) {
        if (!signal.aborted) logger.warn("Asking a driver how many volumes it takes failed", { driver, err });
      }
    }
  }
}

/** `nodeAllocatableUpdatePeriodSeconds`; undefined: what the driver said when it came stays. */
export function updatePeriodMs(object: CSIDriver | undefined): number | undefined {
  const seconds = object?.spec.nodeAllocatableUpdatePeriodSeconds ?? 0;
  return seconds > 0 ? seconds * 1000 : undefined;
}
