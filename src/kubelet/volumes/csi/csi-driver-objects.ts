/** CSIDriver objects, watched from the first CSI volume on. @module */
import type { Clock, Logger } from "#apimachinery";
import { type Client, Informer } from "#client";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import type { CSIDriver } from "#api/storage/v1/types.gen";

export interface CsiDriverObjectsOptions {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** A driver behaves otherwise now. */
  readonly onChange: (driver: string) => void;
}

interface Watching {
  readonly informer: Informer<CSIDriver>;
  readonly done: Promise<void>;
}

/** How long a volume waits for the first list. */
const SYNC_TIMEOUT_MS = 10_000;

export class CsiDriverObjects {
  readonly #options: CsiDriverObjectsOptions;
  readonly #stop = new AbortController();
  #watching: Watching | undefined;

  constructor(options: CsiDriverObjectsOptions) {
    this.#options = options;
  }

  /** Undefined: there is none, and a driver without one behaves as the defaults say. */
  async get(name: string, signal: AbortSignal): Promise<CSIDriver | undefined> {
    const { informer } = (this.#watching ??= this.#watch());
    const timeout = new AbortController();
    const unsynced = new Error("CSIDriver informer has not yet synced");
    const timer = this.#options.clock.after(SYNC_TIMEOUT_MS, () => timeout.abort(unsynced));
    try {
      await informer.waitForSync(AbortSignal.any([signal, timeout.signal]));
    } finally {
      timer.cancel();
    }
    return informer.lister.get(name);
  }

  /** As far as it is known now; begins to watch. */
  known(name: string): CSIDriver | undefined {
    return (this.#watching ??= this.#watch()).informer.lister.get(name);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching?.done;
  }

  #watch(): Watching {
    const { client, clock, random, logger, onChange } = this.#options;
    const dependencies = { client, clock, random, logger, freeze: false, watchList: false };
    const informer = new Informer(CSIDrivers, dependencies);
    const changed = ({ metadata }: CSIDriver): void => onChange(metadata.name);
    informer.addEventHandler({ onAdd: changed, onUpdate: changed, onDelete: changed });
    return { informer, done: informer.run(this.#stop.signal) };
  }
}
