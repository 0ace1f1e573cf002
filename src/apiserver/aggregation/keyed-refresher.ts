/** Does one thing for each of some keys: when asked, at intervals, and soon again after a failure. @module */
import type { Clock, Timer } from "#apimachinery";

export interface RefresherOptions {
  readonly clock: Clock;
  /** Between a success and the next time; absent: only when asked. */
  readonly intervalMs?: number;
  /** Doubles with every failure in a row. */
  readonly retryMs: { readonly min: number; readonly max: number };
  readonly signal: AbortSignal;
  /** Undefined: nothing more to do for this key until somebody asks. Never rejects. */
  readonly run: (key: string, signal: AbortSignal) => Promise<"done" | "failed" | undefined>;
}

interface Entry {
  isRunning: boolean;
  isDirty: boolean;
  failures: number;
  timer: Timer | undefined;
}

/** Bounded by its keys: one run, and one timer, for each. */
export class KeyedRefresher {
  readonly #options: RefresherOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Now, or once more when the run that goes on is over. */
  ask(key: string): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { isRunning: false, isDirty: false, failures: 0, timer: undefined };
      this.#entries.set(key, entry);
    }
    entry.isDirty = true;
    if (!entry.isRunning) void this.#run(key, entry);
  }

  forget(key: string): void {
    this.#entries.get(key)?.timer?.cancel();
    this.#entries.delete(key);
  }

  async #run(key: string, entry: Entry): Promise<void> {
    const { signal, run } = this.#options;
    entry.timer?.cancel();
    entry.isRunning = true;
    let outcome: Awaited<ReturnType<RefresherOptions["run"]>>;
    do {
      entry.isDirty = false;
      outcome = await run(key, signal);
    } while (entry.isDirty && !signal.aborted && this.#entries.get(key) === entry);
    entry.isRunning = false;
    if (!signal.aborted && this.#entries.get(key) === entry) this.#schedule(key, entry, outcome);
  }

  #schedule(key: string, entry: Entry, outcome: "done" | "failed" | undefined): void {
    const { clock, intervalMs, retryMs } = this.#options;
    const again = (delayMs: number): void => {
      entry.timer = clock.after(delayMs, () => this.ask(key));
    };
    if (outcome === "failed") {
      again(Math.min(retryMs.min * 2 ** entry.failures, retryMs.max));
      entry.failures++;
      return;
    }
    entry.failures = 0;
    if (outcome === "done" && intervalMs !== undefined) again(intervalMs);
  }
}
