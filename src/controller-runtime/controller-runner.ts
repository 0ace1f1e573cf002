/** Runs one controller: its queue, its workers, its retries. @module */
import { isConflict, isNamespaceGone, type Clock, type Logger, type ObjectKey } from "#apimachinery";
import { nextTurn, RateLimitingQueue, turnIsLong, type InformerFactory, type MetricsSink } from "#client";
import { TerminalError, type Controller } from "./controller.ts";
import { CONTROLLER_METRICS as NAMES } from "./metrics.ts";
import { wireSources } from "./sources.ts";

export interface RunnerOptions {
  readonly controller: Controller;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsSink | undefined;
}

const WORKERS = 5;
const MS_PER_SECOND = 1_000;

type Outcome = "success" | "requeue_after" | "error";

export class ControllerRunner {
  readonly #controller: Controller;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: MetricsSink | undefined;
  readonly #queue: RateLimitingQueue<ObjectKey>;
  readonly #unwire: () => void;
  #active = 0;

  /** From here on changes are collected; nothing is reconciled before `run`. */
  constructor({ controller, informers, clock, logger, metrics }: RunnerOptions) {
    this.#controller = controller;
    this.#clock = clock;
    this.#logger = logger.child({ controller: controller.name });
    this.#metrics = metrics;
    this.#queue = new RateLimitingQueue({
      name: controller.queueName ?? controller.name,
      clock,
      ...(metrics !== undefined && { metrics }),
    });
    this.#unwire = wireSources(controller, informers, (key) => this.#queue.add(key));
  }

  /** Works until `signal` aborts; resolves when the reconciles under way have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { workers = WORKERS } = this.#controller;
    this.#metrics?.set(NAMES.maxConcurrentReconciles, this.#labels(), workers);
    const stop = (): void => this.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.all([
      ...Array.from({ length: workers }, () => this.#work(signal)),
      this.#controller.background?.((key) => this.#queue.add(key), signal),
    ]);
    signal.removeEventListener("abort", stop);
  }

  /** For a controller that never ran; `run` stops by its signal. */
  stop(): void {
    this.#unwire();
    this.#queue.close();
  }

  /** Brings the gauges that change with time up to date. */
  collect(): void {
    this.#queue.updateUnfinishedWork();
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      if (signal.aborted) return;
      this.#setActive(1);
      await this.#process(key, signal);
      this.#queue.done(key);
      this.#setActive(-1);
      // Reconciles that touch only caches never wait for I/O.
      if (turnIsLong()) await nextTurn();
    }
  }

  async #process(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    const outcome = await this.#reconcile(key, signal);
    const seconds = (this.#clock.monotonicMs() - startMs) / MS_PER_SECOND;
    this.#metrics?.observe(NAMES.reconcileTime, this.#labels(), seconds);
    this.#metrics?.inc(NAMES.reconcileTotal, { ...this.#labels(), result: outcome });
  }

  async #reconcile(key: ObjectKey, signal: AbortSignal): Promise<Outcome> {
    try {
      const { requeueAfterMs } = await this.#controller.reconcile(key, signal);
      this.#queue.forget(key);
      if (requeueAfterMs === undefined) return "success";
      this.#queue.addAfter(key, requeueAfterMs);
      return "requeue_after";
    } catch (err) {
      if (!signal.aborted) this.#failed(key, err);
      return "error";
    }
  }

  #failed(key: ObjectKey, err: unknown): void {
    this.#metrics?.inc(NAMES.reconcileErrors, this.#labels());
    if (err instanceof TerminalError) {
      this.#metrics?.inc(NAMES.terminalReconcileErrors, this.#labels());
      this.#queue.forget(key);
      return this.#logger.error("Reconciling failed for good, waiting for a change", { key, err });
    }
    // Everything at this key goes with its namespace; what is made after it comes as a change.
    if (this.#controller.reconciles.scope === "Namespaced" && isNamespaceGone(err)) {
      this.#queue.forget(key);
      return this.#logger.debug("Reconciling in a namespace that goes, waiting for a change", { key, err });
    }
    this.#queue.addRateLimited(key);
    // The cache was behind: ordinary, and cured by the retry.
    if (isConflict(err)) return this.#logger.debug("Reconciling conflicted, trying again", { key, err });
    this.#logger.error("Reconciling failed, trying again", { key, tries: this.#queue.numRequeues(key), err });
  }

  #setActive(by: 1 | -1): void {
    this.#active += by;
    this.#metrics?.set(NAMES.activeWorkers, this.#labels(), this.#active);
  }

  #labels(): { readonly controller: string } {
    return { controller: this.#controller.name };
  }
}
