/** What the scheduler measures of itself. Costs next to nothing without a sink. @module */
import type { Clock } from "#apimachinery";
import type { MetricsSink } from "#client";
import { CycleTimer } from "./framework/cycle-timer.ts";
import type { Evaluations } from "./framework/framework.ts";

export type AttemptResult = "scheduled" | "unschedulable" | "error";
export type CallType = "pod_binding" | "pod_status_patch";

/** One cycle of so many has its extension points and plugins timed. */
const CYCLES_PER_SAMPLE = 10;
/** One queueing hint of so many is timed: there may be a million of them in a second. */
const HINTS_PER_SAMPLE = 100;
/** Upstream counts attempts by themselves up to here, then as one. */
const ATTEMPTS_LABEL_MAX = 15;

export class SchedulerMetrics {
  readonly #sink: MetricsSink | undefined;
  readonly #clock: Clock;
  #cycles = 0;
  #hints = 0;
  readonly #calls: Record<CallType, number> = { pod_binding: 0, pod_status_patch: 0 };
  /** Gauge and label -> its value. */
  readonly #shown = new Map<string, number>();
  readonly #refusalsShown = new Map<string, Readonly<Record<string, string>>>();

  constructor(sink: MetricsSink | undefined, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** In one cycle of ten. */
  cycleTimer(profile: string): CycleTimer | undefined {
    if (this.#sink === undefined || this.#cycles++ % CYCLES_PER_SAMPLE !== 0) return undefined;
    return new CycleTimer(this.#sink, this.#clock, profile);
  }

  /** Runs a plugin's hint. */
  hint(plugin: string, event: () => string, run: () => boolean): boolean {
    if (this.#sink === undefined || this.#hints++ % HINTS_PER_SAMPLE !== 0) return run();
    const startMs = this.#clock.monotonicMs();
    const helps = run();
    const labels = { plugin, event: event(), hint: helps ? "Queue" : "QueueSkip" };
    const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
    this.#sink.observe("scheduler_queueing_hint_execution_duration_seconds", labels, seconds);
    return helps;
  }

  /** One run of a plugin outside the cycle. */
  plugin(point: string, plugin: string, status: string, durationMs: number): void {
    const labels = { plugin, extension_point: point, status };
    this.#sink?.observe("scheduler_plugin_execution_duration_seconds", labels, durationMs / 1_000);
  }

  /** Looks for what an equal pod found out. */
  hinted<T>(profile: string, find: () => T | undefined): T | undefined {
    if (this.#sink === undefined) return find();
    const startMs = this.#clock.monotonicMs();
    const found = find();
    const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
    const [hinted, result] = found === undefined ? ["no_hint", "no_hint"] : ["hint", "hint_used"];
    this.#sink.observe("scheduler_get_node_hint_duration_seconds", { hinted, profile }, seconds);
    this.#sink.inc("scheduler_batch_attempts_total", { profile, result });
    return found;
  }

  /** Keeps what a pod found out for equal ones. */
  stored(profile: string, store: () => void): void {
    const startMs = this.#clock.monotonicMs();
    store();
    const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
    this.#sink?.observe("scheduler_store_schedule_results_duration_seconds", { profile }, seconds);
  }

  /** What was known of equal pods made room for others. */
  flushed(profile: string): void {
    const labels = { profile, reason: "pod_incompatible" };
    this.#sink?.inc("scheduler_batch_cache_flushed_total", labels);
  }

  event(label: string, durationMs: number): void {
    this.#sink?.observe("scheduler_event_handling_duration_seconds", { event: label }, durationMs / 1_000);
  }

  entered(queue: string, cause: string): void {
    this.#sink?.inc("scheduler_queue_incoming_pods_total", { queue, event: cause });
  }

  algorithm(durationMs: number): void {
    this.#sink?.observe("scheduler_scheduling_algorithm_duration_seconds", {}, durationMs / 1_000);
  }

  attempt(result: AttemptResult, profile: string, durationMs: number): void {
    const labels = { result, profile };
    this.#sink?.inc("scheduler_schedule_attempts_total", labels);
    this.#sink?.observe("scheduler_scheduling_attempt_duration_seconds", labels, durationMs / 1_000);
  }

  scheduled(attempts: number, sinceFirstTryMs: number, wasFlushed: boolean): void {
    const label = attempts >= ATTEMPTS_LABEL_MAX ? `${ATTEMPTS_LABEL_MAX}+` : String(attempts);
    this.#sink?.observe("scheduler_pod_scheduling_attempts", {}, attempts);
    const name = "scheduler_pod_scheduling_sli_duration_seconds";
    this.#sink?.observe(name, { attempts: label }, sinceFirstTryMs / 1_000);
    if (wasFlushed) this.#sink?.inc("scheduler_pod_scheduled_after_flush_total", {});
  }

  permitWait(result: string, durationMs: number): void {
    this.#sink?.observe("scheduler_permit_wait_duration_seconds", { result }, durationMs / 1_000);
  }

  /** Counts the write; rejects as it does. */
  async call<T>(type: CallType, write: Promise<T>): Promise<T> {
    if (this.#sink === undefined) return write;
    const startMs = this.#clock.monotonicMs();
    this.#calls[type]++;
    let result = "error";
    try {
      const answer = await write;
      result = "success";
      return answer;
    } finally {
      this.#calls[type]--;
      const labels = { call_type: type, result };
      const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
      this.#sink.inc("scheduler_async_api_call_execution_total", labels);
      this.#sink.observe("scheduler_async_api_call_execution_duration_seconds", labels, seconds);
    }
  }

  evaluations(profile: string, evaluations: Evaluations): void {
    if (this.#sink === undefined) return;
    for (const [key, times] of evaluations) {
      const [point, plugin] = key.split("/") as [string, string];
      const labels = { plugin, extension_point: point, profile };
      this.#sink.inc("scheduler_plugin_evaluation_total", labels, times);
    }
  }

  /** Sizes as they are now. */
  show(sizes: {
    readonly pending: Readonly<Record<string, number>>;
    readonly cache: Readonly<Record<string, number>>;
    readonly binding: number;
    readonly eventsKept: ReadonlyMap<string, number>;
  }): void {
    if (this.#sink === undefined) return;
    for (const [queue, length] of Object.entries(sizes.pending))
      this.#show("pending_pods", "queue", queue, length);
    for (const [type, size] of Object.entries(sizes.cache)) this.#show("cache_size", "type", type, size);
    for (const [type, count] of Object.entries(this.#calls))
      this.#show("pending_async_api_calls", "call_type", type, count);
    this.#show("goroutines", "operation", "binding", sizes.binding);
    for (const [event, count] of sizes.eventsKept) this.#show("inflight_events", "event", event, count);
  }

  /** They are looked at every few milliseconds, and mostly the same. */
  #show(name: string, label: string, labelValue: string, value: number): void {
    const key = `${name}/${labelValue}`;
    if (this.#shown.get(key) === value) return;
    this.#shown.set(key, value);
    this.#sink!.set(`scheduler_${name}`, { [label]: labelValue }, value);
  }

  /** By plugin and profile; what is not among them any more is none. */
  refusals(
    counts: Iterable<{ readonly plugin: string; readonly profile: string; readonly pods: number }>,
  ): void {
    if (this.#sink === undefined) return;
    const gone = new Map(this.#refusalsShown);
    for (const { plugin, profile, pods } of counts) {
      const labels = { plugin, profile };
      const key = `${plugin} ${profile}`;
      gone.delete(key);
      this.#refusalsShown.set(key, labels);
      this.#sink.set("scheduler_unschedulable_pods", labels, pods);
    }
    for (const [key, labels] of gone) {
      this.#refusalsShown.delete(key);
      this.#sink.set("scheduler_unschedulable_pods", labels, 0);
    }
  }
}
