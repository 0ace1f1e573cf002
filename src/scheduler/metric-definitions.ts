/** The metrics of the scheduler, under upstream's names and labels. @module */
import {
  counter,
  exponentialBuckets,
  gauge,
  histogram,
  prefixed,
  type MetricDefinition,
} from "#component-base";

const LATENCY = exponentialBuckets(0.001, 2, 15);
const SHORT = exponentialBuckets(0.0001, 2, 12);
const PLUGIN = exponentialBuckets(0.00001, 1.5, 20);
const HINT = exponentialBuckets(0.00001, 2, 12);
const LONG = exponentialBuckets(0.01, 2, 20);

const stable: readonly MetricDefinition[] = [
  counter("schedule_attempts_total", "Attempts to schedule pods, by result", "result", "profile"),
  histogram(
    "scheduling_attempt_duration_seconds",
    LATENCY,
    "Duration of an attempt, from taking the pod to its binding",
    "result",
    "profile",
  ),
  histogram("preemption_victims", exponentialBuckets(1, 2, 7), "Victims of a preemption"),
  counter("preemption_attempts_total", "Attempts to make room by preemption"),
  gauge("pending_pods", "Pods that wait, by queue", "queue"),
  histogram(
    "pod_scheduling_attempts",
    exponentialBuckets(1, 2, 5),
    "Attempts that pods needed until they were scheduled",
  ),
  histogram(
    "framework_extension_point_duration_seconds",
    SHORT,
    "Duration of all plugins of an extension point; one cycle in ten is measured",
    "extension_point",
    "status",
    "profile",
  ),
  counter("queue_incoming_pods_total", "Pods that enter a queue, and why", "queue", "event"),
];

const beta: readonly MetricDefinition[] = [
  gauge("goroutines", "Work under way beside the cycle, by kind", "operation"),
  histogram(
    "pod_scheduling_sli_duration_seconds",
    LONG,
    "From the first attempt to being scheduled, over all attempts",
    "attempts",
  ),
  histogram("permit_wait_duration_seconds", LATENCY, "Duration of waiting for Permit plugins", "result"),
  gauge("unschedulable_pods", "Unschedulable pods by the plugins that refused them", "plugin", "profile"),
  counter(
    "plugin_evaluation_total",
    "Attempts that asked a plugin at an extension point",
    "plugin",
    "extension_point",
    "profile",
  ),
];

const alpha: readonly MetricDefinition[] = [
  histogram("event_handling_duration_seconds", SHORT, "Duration of taking in a cluster event", "event"),
  histogram("scheduling_algorithm_duration_seconds", LATENCY, "Duration of choosing a node"),
  gauge("inflight_events", "Cluster events kept for pods that are being tried, and those pods", "event"),
  counter("batch_attempts_total", "Pods for which an equal one was looked for", "profile", "result"),
  counter(
    "batch_cache_flushed_total",
    "Sets of equal pods that are not remembered any more",
    "profile",
    "reason",
  ),
  histogram(
    "get_node_hint_duration_seconds",
    HINT,
    "Duration of looking for what an equal pod found out",
    "hinted",
    "profile",
  ),
  histogram(
    "store_schedule_results_duration_seconds",
    HINT,
    "Duration of keeping what a pod found out for equal ones",
    "profile",
  ),
  counter(
    "pod_scheduled_after_flush_total",
    "Pods that were scheduled after they came back because time was up: an event was missed",
  ),
  histogram(
    "plugin_execution_duration_seconds",
    PLUGIN,
    "Duration of a plugin at PreBind and Bind, and, in one cycle of ten, at the other extension points but Filter",
    "plugin",
    "extension_point",
    "status",
  ),
  histogram(
    "queueing_hint_execution_duration_seconds",
    PLUGIN,
    "Duration of a plugin's queueing hint; one in a hundred is measured",
    "plugin",
    "event",
    "hint",
  ),
  gauge("cache_size", "Nodes, pods and assumed pods in the scheduler's cache", "type"),
  histogram("preemption_goroutines_duration_seconds", LONG, "Duration of sending victims away", "result"),
  counter("preemption_goroutines_execution_total", "Preemptions carried out", "result"),
  counter("resourceclaim_creates_total", "ResourceClaims made for the extended resources of pods", "status"),
  counter("async_api_call_execution_total", "Writes to the API beside the cycle", "call_type", "result"),
  histogram(
    "async_api_call_execution_duration_seconds",
    LATENCY,
    "Duration of writes to the API beside the cycle",
    "call_type",
    "result",
  ),
  gauge("pending_async_api_calls", "Writes to the API under way", "call_type"),
  counter(
    "dra_bindingconditions_allocations_total",
    "Devices that had to be prepared before a pod was bound, by how that went",
    "profile",
    "driver",
    "status",
  ),
  histogram(
    "dra_bindingconditions_wait_duration_seconds",
    exponentialBuckets(0.1, 2, 14),
    "Duration of waiting for devices to be prepared",
    "profile",
    "driver",
    "status",
  ),
  counter(
    "volume_scheduling_stage_error_total",
    "Failures to keep volumes for a pod, or to bind them",
    "operation",
  ),
];

/** To declare where the metrics are kept. */
export const schedulerMetrics: readonly MetricDefinition[] = prefixed("scheduler", [
  ...stable.map((metric) => ({ ...metric, stability: "STABLE" as const })),
  ...beta.map((metric) => ({ ...metric, stability: "BETA" as const })),
  ...alpha.map((metric) => ({ ...metric, stability: "ALPHA" as const })),
]);
