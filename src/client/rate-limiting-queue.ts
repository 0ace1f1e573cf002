/** The queue of controllers: coalescing, delaying, and slowing down what keeps failing. @module */
import { systemClock } from "#apimachinery";
import { DelayingQueue } from "./delaying-queue.ts";
import { CLIENT_METRICS, type MetricsSink } from "./metrics.ts";
import { defaultControllerRateLimiter, type RateLimiter } from "./rate-limiter.ts";
import type { WorkQueueOptions } from "./workqueue.ts";

export interface RateLimitingQueueOptions<Key> extends WorkQueueOptions {
  /** Default: upstream's for controllers. */
  readonly rateLimiter?: RateLimiter<Key>;
}

export class RateLimitingQueue<Key> {
  readonly #queue: DelayingQueue<Key>;
  readonly #limiter: RateLimiter<Key>;
  readonly #metrics: MetricsSink | undefined;
  readonly #name: string | undefined;

  constructor(options: RateLimitingQueueOptions<Key> = {}) {
    this.#queue = new DelayingQueue(options);
    this.#limiter = options.rateLimiter ?? defaultControllerRateLimiter(options.clock ?? systemClock);
    this.#metrics = options.metrics;
    this.#name = options.name;
  }

  get length(): number {
    return this.#queue.length;
  }

  add(key: Key): void {
    this.#queue.add(key);
  }

  addAfter(key: Key, delayMs: number): void {
    this.#retried();
    this.#queue.addAfter(key, delayMs);
  }

  /** Adds `key` when the rate limiter allows it. */
  addRateLimited(key: Key): void {
    this.addAfter(key, this.#limiter.when(key));
  }

  /** `key` succeeded, or is given up: its back-off starts anew. Does not take it out of the queue. */
  forget(key: Key): void {
    this.#limiter.forget(key);
  }

  numRequeues(key: Key): number {
    return this.#limiter.retries(key);
  }

  get(): Promise<Key | undefined> {
    return this.#queue.get();
  }

  done(key: Key): void {
    this.#queue.done(key);
  }

  close(): void {
    this.#queue.close();
  }

  updateUnfinishedWork(): void {
    this.#queue.updateUnfinishedWork();
  }

  #retried(): void {
    if (this.#name !== undefined) this.#metrics?.inc(CLIENT_METRICS.workqueueRetries, { name: this.#name });
  }
}
