/** Hands every change to the watchers whose prefix it matches, and lets those that fell behind catch up from history. @module */
import { setImmediate } from "node:timers/promises";
import type { HistorySlice } from "./change-ring.ts";
import { StoreClosed, type Change, type Revision } from "./store.ts";

/** Changes that wait for one watcher. One that has more is moved to reading history, so that it holds no memory. */
export const WATCHER_QUEUE_MAX = 1_024;

/** Reads history synchronously, a bounded piece at a time; throws `Compacted`. */
export type ReadHistory = (prefix: string, from: Revision) => HistorySlice;

interface Watcher {
  readonly prefix: string;
  /** Everything up to here was delivered, or is under way to the consumer. */
  position: Revision;
  /** Reads history until it has caught up; then changes come through `queue`. */
  behind: boolean;
  queue: Change[];
  wake: () => void;
}

export class WatchHub {
  readonly #read: ReadHistory;
  readonly #watchers = new Map<string, Set<Watcher>>();
  /** Distinct lengths of the watched prefixes: a key is looked up once per length, not once per watcher. */
  #lengths: number[] = [];
  #published: Revision;
  #closed = false;

  /** `read` must know every change up to what was published when it is called. */
  constructor(read: ReadHistory, revision: Revision) {
    this.#read = read;
    this.#published = revision;
  }

  /** Changes of whole commits in order; the store's readers can already see them. */
  publish(changes: readonly Change[], through: Revision): void {
    this.#published = through;
    const woken = new Set<Watcher>();
    for (const change of changes) {
      for (const length of this.#lengths) {
        if (length > change.key.length) break;
        for (const watcher of this.#watchers.get(change.key.slice(0, length)) ?? []) {
          if (watcher.behind || change.revision <= watcher.position) continue;
          watcher.queue.push(change);
          woken.add(watcher);
        }
      }
    }
    for (const watcher of woken) {
      if (watcher.queue.length > WATCHER_QUEUE_MAX) {
        watcher.behind = true;
        watcher.queue = [];
      }
      watcher.wake();
    }
  }

  /** See `Store.watch`; the store has checked that `from` is not in the future. */
  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly Change[], void> {
    const watcher: Watcher = { prefix, position: from, behind: true, queue: [], wake: () => {} };
    const onAbort = (): void => watcher.wake();
    signal.addEventListener("abort", onAbort);
    this.#add(watcher);
    try {
      while (!signal.aborted) {
        if (this.#closed) throw new StoreClosed();
        const batch = watcher.behind ? this.#catchUp(watcher) : drain(watcher);
        if (batch.length > 0) yield batch;
        else if (watcher.behind) await setImmediate();
        else await new Promise<void>((resolve) => (watcher.wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#remove(watcher);
    }
  }

  /** Running watches throw `StoreClosed`. */
  close(): void {
    this.#closed = true;
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.wake();
  }

  /** No await between reading and turning live: no change can fall in between. */
  #catchUp(watcher: Watcher): readonly Change[] {
    const { changes, through } = this.#read(watcher.prefix, watcher.position);
    watcher.position = Math.max(watcher.position, through);
    watcher.behind = watcher.position < this.#published;
    return changes;
  }

  #add(watcher: Watcher): void {
    const watchers = this.#watchers.get(watcher.prefix);
    if (watchers !== undefined) return void watchers.add(watcher);
    this.#watchers.set(watcher.prefix, new Set([watcher]));
    this.#countLengths();
  }

  #remove(watcher: Watcher): void {
    const watchers = this.#watchers.get(watcher.prefix);
    watchers?.delete(watcher);
    if (watchers?.size !== 0) return;
    this.#watchers.delete(watcher.prefix);
    this.#countLengths();
  }

  #countLengths(): void {
    const lengths = new Set(this.#watchers.keys().map((prefix) => prefix.length));
    this.#lengths = [...lengths].toSorted((a, b) => a - b);
  }
}

function drain(watcher: Watcher): readonly Change[] {
  const batch = watcher.queue;
  if (batch.length === 0) return batch;
  watcher.queue = [];
  watcher.position = batch.at(-1)!.revision;
  return batch;
}
