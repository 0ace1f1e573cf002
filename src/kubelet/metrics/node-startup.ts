/** How long a new node took to come up: from the machine's start until the API shows it as ready. @module */
import type { Gauge } from "#component-base";
import type { MetricFactory } from "./metric-factory.ts";

export class NodeStartupMetrics {
  readonly preKubelet: Gauge;
  readonly preRegistration: Gauge;
  readonly registration: Gauge;
  readonly postRegistration: Gauge;
  readonly total: Gauge;

  constructor(make: MetricFactory) {
    const gauge = (name: string, help: string): Gauge =>
      make.gauge(`kubelet_node_startup_${name}duration_seconds`, help);
    this.preKubelet = gauge("pre_kubelet_", "From the machine's start until kubelet's");
    this.preRegistration = gauge("pre_registration_", "From kubelet's start until it asked for its node");
    this.registration = gauge("registration_", "From when kubelet asked for its node until it had it");
    this.postRegistration = gauge(
      "post_registration_",
      "From when kubelet had its node until that was ready",
    );
    this.total = gauge("", "From the machine's start until the node was ready");
  }
}

export interface NodeStartupTimes {
  /** Undefined: nobody knows. */
  readonly bootMs: number | undefined;
  readonly kubeletMs: number;
}

/** Measures a node once, and only one that was new to the API; times in ms since 1970. */
export class NodeStartup {
  readonly #metrics: NodeStartupMetrics;
  readonly #times: NodeStartupTimes;
  #askedMs: number | undefined;
  #registeredMs: number | undefined;
  #isDone = false;

  constructor(metrics: NodeStartupMetrics, times: NodeStartupTimes) {
    this.#metrics = metrics;
    this.#times = times;
  }

  /** The first time counts. */
  asksToRegister(nowMs: number): void {
    this.#askedMs ??= nowMs;
  }

  /** The API had no such node before. */
  registeredNew(nowMs: number): void {
    if (this.#askedMs === undefined || this.#registeredMs !== undefined) return;
    this.#registeredMs = nowMs;
    const { bootMs, kubeletMs } = this.#times;
    if (bootMs !== undefined) this.#metrics.preKubelet.set((kubeletMs - bootMs) / 1000);
    this.#metrics.preRegistration.set((this.#askedMs - kubeletMs) / 1000);
    this.#metrics.registration.set((nowMs - this.#askedMs) / 1000);
  }

  /** The API has been told so. */
  ready(nowMs: number): void {
    if (this.#registeredMs === undefined || this.#isDone) return;
    this.#isDone = true;
    const { bootMs } = this.#times;
    this.#metrics.postRegistration.set((nowMs - this.#registeredMs) / 1000);
    if (bootMs !== undefined) this.#metrics.total.set((nowMs - bootMs) / 1000);
  }
}
