/** What the scheduler measures, under upstream's names. @module */
import type { Clock } from "#apimachinery";
import type { MetricsSink } from "#client";
import type { MetricDefinition } from "#component-base";

export type AttemptResult = "scheduled" | "unschedulable" | "error";

const doubling = (start: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => start * 2 ** i);
const LATENCY = doubling(0.001, 15);

/** To declare where the metrics are kept. */
export const schedulerMetrics: readonly MetricDefinition[] = [
  {
    type: "counter",
    name: "scheduler_schedule_attempts_total",
    help: "Attempts to schedule pods, by result",
    labels: ["result", "profile"],
  },
  {
    type: "histogram",
    name: "scheduler_scheduling_attempt_duration_seconds",
    help: "Duration of an attempt, from taking the pod to its binding",
    labels: ["result", "profile"],
    buckets: LATENCY,
  },
  {
    type: "histogram",
    name: "scheduler_scheduling_algorithm_duration_seconds",
    help: "Duration of choosing a node",
    labels: [],
    buckets: LATENCY,
  },
  {
    type: "histogram",
    name: "scheduler_framework_extension_point_duration_seconds",
    help: "Duration of all plugins of an extension point; one cycle in ten is measured",
    labels: ["extension_point", "status", "profile"],
    buckets: doubling(0.0001, 12),
  },
  {
    type: "histogram",
    name: "scheduler_pod_scheduling_attempts",
    help: "Attempts that pods needed until they were scheduled",
    labels: [],
    buckets: doubling(1, 5),
  },
  {
    type: "histogram",
    name: "scheduler_pod_scheduling_sli_duration_seconds",
    help: "From entering the queue to being scheduled, over all attempts",
    labels: ["attempts"],
    buckets: doubling(0.01, 20),
  },
  {
    type: "gauge",
    name: "scheduler_pending_pods",
    help: "Pods that wait, by queue",
    labels: ["queue"],
  },
  {
    type: "counter",
    name: "scheduler_preemption_attempts_total",
    help: "Attempts to make room by preemption",
    labels: [],
  },
  {
    type: "histogram",
    name: "scheduler_preemption_victims",
    help: "Victims of a preemption",
    labels: [],
    buckets: doubling(1, 7),
  },
  {
    type: "gauge",
    name: "scheduler_scheduler_cache_size",
    help: "Nodes and pods in the scheduler's cache",
    labels: ["type"],
  },
];

/** One cycle of so many has its extension points timed. */
const SAMPLE_EVERY = 10;
/** Upstream counts attempts by themselves up to here, then as one. */
const ATTEMPTS_LABEL_MAX = 15;

/** Costs next to nothing without a sink. */
export class SchedulerMetrics {
  readonly #sink: MetricsSink | undefined;
  readonly #profile: string;
  readonly #clock: Clock;
  #cycles = 0;

  constructor(sink: MetricsSink | undefined, profile: string, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
    this.#profile = profile;
  }

  /** In one cycle of ten: gives the time since its last call, or since the start, to an extension point. */
  startTimer(): ((extensionPoint: string, status: string) => void) | undefined {
    if (this.#sink === undefined || this.#cycles++ % SAMPLE_EVERY !== 0) return undefined;
    let sinceMs = this.#clock.monotonicMs();
    return (extensionPoint, status) => {
      const nowMs = this.#clock.monotonicMs();
      const labels = { extension_point: extensionPoint, status, profile: this.#profile };
      const name = "scheduler_framework_extension_point_duration_seconds";
      this.#sink?.observe(name, labels, (nowMs - sinceMs) / 1_000);
      sinceMs = nowMs;
    };
  }

  algorithm(durationMs: number): void {
    this.#sink?.observe("scheduler_scheduling_algorithm_duration_seconds", {}, durationMs / 1_000);
  }

  attempt(result: AttemptResult, durationMs: number): void {
    const labels = { result, profile: this.#profile };
    this.#sink?.inc("scheduler_schedule_attempts_total", labels);
    this.#sink?.observe("scheduler_scheduling_attempt_duration_seconds", labels, durationMs / 1_000);
  }

  scheduled(attempts: number, waitedMs: number): void {
    const label = attempts >= ATTEMPTS_LABEL_MAX ? `${ATTEMPTS_LABEL_MAX}+` : String(attempts);
    this.#sink?.observe("scheduler_pod_scheduling_attempts", {}, attempts);
    const name = "scheduler_pod_scheduling_sli_duration_seconds";
    this.#sink?.observe(name, { attempts: label }, waitedMs / 1_000);
  }

  pending(lengths: Readonly<Record<string, number>>): void {
    if (this.#sink === undefined) return;
    for (const [queue, length] of Object.entries(lengths))
      this.#sink.set("scheduler_pending_pods", { queue }, length);
  }

  cacheSize(sizes: { readonly nodes: number; readonly pods: number; readonly assumed_pods: number }): void {
    if (this.#sink === undefined) return;
    for (const [type, size] of Object.entries(sizes))
      this.#sink.set("scheduler_scheduler_cache_size", { type }, size);
  }

  preemption(victims: number | undefined): void {
    this.#sink?.inc("scheduler_preemption_attempts_total", {});
    if (victims !== undefined) this.#sink?.observe("scheduler_preemption_victims", {}, victims);
  }
}
