/** Times pods from when kubelet has seen them until they run. @module */
import type { Clock } from "#apimachinery";
import type { PodStatus } from "#api/core/v1/types.gen";
import type { PodTimes } from "./pod-times.ts";

export class PodStartMetrics {
  readonly #metrics: PodTimes;
  readonly #clock: Clock;
  /** Pods that do not run yet; bounded by the pods of the node. */
  readonly #seenMs = new Map<string, number>();

  constructor(metrics: PodTimes, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** A pod that is new to this kubelet and does not run. */
  seen(uid: string): void {
    if (!this.#seenMs.has(uid)) this.#seenMs.set(uid, this.#clock.monotonicMs());
  }

  /** The pod's first step began so long ago. */
  workerStarted(uid: string, agoSeconds: number): void {
    const seenMs = this.#seenMs.get(uid);
    if (seenMs === undefined) return;
    const waitedSeconds = (this.#clock.monotonicMs() - seenMs) / 1000 - agoSeconds;
    this.#metrics.workerStartSeconds.observe(Math.max(0, waitedSeconds));
  }

  /** The first time that a pod runs counts. */
  told(uid: string, { phase }: PodStatus): void {
    const seenMs = this.#seenMs.get(uid);
    if (seenMs === undefined || phase === "Pending") return;
    this.#seenMs.delete(uid);
    if (phase === "Running") this.#metrics.startSeconds.observe((this.#clock.monotonicMs() - seenMs) / 1000);
  }

  forget(uid: string): void {
    this.#seenMs.delete(uid);
  }
}
