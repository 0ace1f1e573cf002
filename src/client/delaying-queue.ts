/** A work queue that also takes keys for later. @module */
import { Heap, systemClock, type Clock, type Timer } from "#apimachinery";
import { WorkQueue, type WorkQueueOptions } from "./workqueue.ts";

interface Waiting<Key> {
  readonly key: Key;
  readonly readyMs: number;
  /** Breaks ties, so that keys due at the same time keep their order. */
  readonly sequence: number;
}

/** Timers overflow above 2^31 - 1 ms (24.8 days); a longer wait is armed again. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Bounded by the number of distinct keys, as every key waits at most once. */
export class DelayingQueue<Key> {
  readonly #queue: WorkQueue<Key>;
  readonly #clock: Clock;
  readonly #heap = new Heap<Waiting<Key>>(
    (a, b) => a.readyMs < b.readyMs || (a.readyMs === b.readyMs && a.sequence < b.sequence),
  );
  /** The entry that counts for each key; older ones in the heap are stale. */
  readonly #waiting = new Map<Key, Waiting<Key>>();
  #timer: { readonly readyMs: number; readonly timer: Timer } | undefined;
  #sequence = 0;

  constructor(options: WorkQueueOptions = {}) {
    this.#queue = new WorkQueue(options);
    this.#clock = options.clock ?? systemClock;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#waiting.size;
  }

  add(key: Key): void {
    this.#queue.add(key);
  }

  /** Adds `key` after `delayMs`. When it waits already, the earlier time counts. */
  addAfter(key: Key, delayMs: number): void {
    if (this.#queue.closed) return;
    if (!(delayMs > 0)) return this.#queue.add(key);
    const readyMs = this.#clock.monotonicMs() + delayMs;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && waiting.readyMs <= readyMs) return;
    const entry = { key, readyMs, sequence: this.#sequence++ };
    this.#waiting.set(key, entry);
    this.#heap.push(entry);
    this.#arm();
  }

  get(): Promise<Key | undefined> {
    return this.#queue.get();
  }

  done(key: Key): void {
    this.#queue.done(key);
  }

  /** Keys that still wait for their time are dropped. */
  close(): void {
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
    this.#heap.clear();
    this.#queue.close();
  }

  updateUnfinishedWork(): void {
    this.#queue.updateUnfinishedWork();
  }

  /** One timer, for the key that is due first. */
  #arm(): void {
    const next = this.#heap.peek();
    if (next === undefined || (this.#timer !== undefined && this.#timer.readyMs <= next.readyMs)) return;
    this.#timer?.timer.cancel();
    const delayMs = Math.min(Math.ceil(Math.max(next.readyMs - this.#clock.monotonicMs(), 0)), TIMER_MAX_MS);
    this.#timer = { readyMs: next.readyMs, timer: this.#clock.after(delayMs, this.#release) };
  }

  readonly #release = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      const stale = this.#waiting.get(next.key) !== next;
      if (!stale && next.readyMs > nowMs) break;
      this.#heap.pop();
      if (stale) continue;
      this.#waiting.delete(next.key);
      this.#queue.add(next.key);
    }
    this.#arm();
  };
}
