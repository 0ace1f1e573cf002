/** Mode `batch`: events wait in a bounded buffer and leave together, so that no request waits for them. @module */
import { TokenBucket, type Clock } from "#apimachinery";
import { reportLoss, type AuditBackend, type AuditRecord, type BackendParts } from "./backend.ts";
import type { AuditBatchOptions } from "./options.ts";

const PLUGIN = "buffered";
/** Batches under way to a slow backend; more wait in the buffer, which is bounded. */
const SENDING_MAX = 10;

export interface BatchParts extends BackendParts {
  readonly clock: Clock;
  /** Batches may overtake each other. A file is written in order. */
  readonly isConcurrent: boolean;
}

export class BatchBackend implements AuditBackend {
  readonly #backend: AuditBackend;
  readonly #options: AuditBatchOptions;
  readonly #parts: BatchParts;
  readonly #sending = new Set<Promise<unknown>>();
  readonly #tokens: TokenBucket | undefined;
  #buffer: AuditRecord[] = [];
  /** Until then the buffer may wait to be full. */
  #dueMs = Infinity;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(backend: AuditBackend, options: AuditBatchOptions, parts: BatchParts) {
    this.#backend = backend;
    this.#options = options;
    this.#parts = parts;
    const { throttle } = options;
    if (throttle !== undefined) {
      this.#tokens = new TokenBucket(parts.clock, { perSecond: throttle.qps, burst: throttle.burst });
    }
  }

  process(records: readonly AuditRecord[]): boolean {
    if (this.#isClosed) {
      reportLoss(PLUGIN, new Error("audit backend shut down"), records, this.#parts);
      return true;
    }
    const room = this.#options.bufferSize - this.#buffer.length;
    const kept = records.slice(0, Math.max(room, 0));
    this.#buffer.push(...kept);
    if (kept.length < records.length) {
      const lost = records.slice(kept.length);
      reportLoss(PLUGIN, new Error("audit buffer queue blocked"), lost, this.#parts);
    }
    this.#schedule();
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#schedule();
    await this.#running;
    await Promise.all(this.#sending);
    await this.#backend.close();
  }

  #schedule(): void {
    if (this.#running !== undefined || this.#buffer.length === 0) return;
    if (this.#isDue()) {
      this.#running = this.#run();
      return;
    }
    if (this.#dueMs !== Infinity) return;
    const { clock } = this.#parts;
    this.#dueMs = clock.monotonicMs() + this.#options.maxWaitMs;
    clock.after(this.#options.maxWaitMs, () => this.#schedule());
  }

  #isDue(): boolean {
    if (this.#buffer.length === 0) return false;
    if (this.#isClosed || this.#buffer.length >= this.#options.maxSize) return true;
    return this.#parts.clock.monotonicMs() >= this.#dueMs;
  }

  async #run(): Promise<void> {
    while (this.#isDue()) {
      await this.#mayGo();
      const batch = this.#buffer.slice(0, this.#options.maxSize);
      this.#buffer = this.#buffer.slice(batch.length);
      this.#dueMs = Infinity;
      const sent = Promise.resolve(this.#backend.process(batch));
      if (!this.#parts.isConcurrent) {
        await sent;
        continue;
      }
      this.#sending.add(sent);
      void sent.then(() => this.#sending.delete(sent));
    }
    this.#running = undefined;
    this.#schedule();
  }

  /** A token of the bucket, and a place among those under way. At the end nobody waits for tokens. */
  async #mayGo(): Promise<void> {
    while (this.#sending.size >= SENDING_MAX) await Promise.race(this.#sending);
    if (this.#tokens === undefined || this.#isClosed) return;
    const waitMs = this.#tokens.reserve();
    if (waitMs > 0) await new Promise<void>((resolve) => this.#parts.clock.after(waitMs, resolve));
  }
}
