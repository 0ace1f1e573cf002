/**
 * A queue of keys that coalesces: a key waits at most once and is never handled twice at the same time.
 *
 * Invariants, for every key:
 *   - queued   implies dirty and not processing;
 *   - added while processing: becomes dirty, and is queued again by `done`.
 * Bounded by the number of distinct keys.
 * @module
 */
import { systemClock, type Clock } from "#apimachinery";
import type { MetricsSink } from "./metrics.ts";
import { queueMetrics, type QueueMetrics } from "./workqueue-metrics.ts";

export interface WorkQueueOptions {
  /** Label of the metrics; a queue without a name has none. */
  readonly name?: string;
  readonly metrics?: MetricsSink;
  readonly clock?: Clock;
}

/** Taken keys are dropped from the array this many at a time: `shift` per key would be quadratic. */
const COMPACT_AT = 4_096;

export class WorkQueue<Key> {
  readonly #queue: Key[] = [];
  readonly #dirty = new Set<Key>();
  readonly #processing = new Set<Key>();
  readonly #waiters: ((key: Key | undefined) => void)[] = [];
  readonly #metrics: QueueMetrics<Key> | undefined;
  #head = 0;
  #closed = false;

  constructor({ name, metrics, clock = systemClock }: WorkQueueOptions = {}) {
    this.#metrics =
      name === undefined || metrics === undefined ? undefined : queueMetrics(name, metrics, clock);
  }

  /** Keys that wait; those being handled are not among them. */
  get length(): number {
    return this.#queue.length - this.#head;
  }

  get closed(): boolean {
    return this.#closed;
  }

  add(key: Key): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#push(key);
  }

  /** Resolves with the next key, or with undefined once the queue is closed and drained. */
  async get(): Promise<Key | undefined> {
    if (this.length > 0) return this.#take();
    if (this.#closed) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Must be called once for every key that `get` returned. */
  done(key: Key): void {
    this.#processing.delete(key);
    this.#metrics?.done(key);
    if (this.#dirty.has(key)) this.#push(key);
  }

  /** Takes no more keys; those that wait are still handed out. */
  close(): void {
    this.#closed = true;
    for (const resolve of this.#waiters.splice(0)) resolve(undefined);
  }

  /** Reports how long the keys in hand have been worked on; called when somebody reads the metrics. */
  updateUnfinishedWork(): void {
    this.#metrics?.updateUnfinishedWork();
  }

  #push(key: Key): void {
    this.#queue.push(key);
    this.#metrics?.add(key, this.length);
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter(this.#take());
  }

  #take(): Key {
    const key = this.#queue[this.#head++]!;
    if (this.#head >= COMPACT_AT) this.#head -= this.#queue.splice(0, this.#head).length;
    this.#dirty.delete(key);
    this.#processing.add(key);
    this.#metrics?.get(key, this.length);
    return key;
  }
}
