/** What kubelet's parts count and time for `/metrics`, with upstream's names, labels and buckets. @module */
import type { Counter, Gauge, Histogram, Registry } from "#component-base";
import { ImageMetrics } from "./image-metrics.ts";
import { DEFAULT_BUCKETS, MetricFactory } from "./metric-factory.ts";
import { NodeStartupMetrics } from "./node-startup.ts";
import { PodMetrics } from "./pod-metrics.ts";
import { PodTimes } from "./pod-times.ts";
import { ResizeMetrics } from "./resize-metrics.ts";
import { ServerMetrics } from "./server-metrics.ts";
import { StorageMetrics } from "./storage-metrics.ts";

const RUNTIME_BUCKETS = Array.from({ length: 14 }, (_, i) => 0.005 * 2.5 ** i);

export class KubeletMetrics {
  readonly #make = new MetricFactory();
  readonly registry: Registry = this.#make.registry;
  readonly pods: PodMetrics = new PodMetrics(this.#make);
  readonly podTimes: PodTimes = new PodTimes(this.#make);
  readonly resizes: ResizeMetrics = new ResizeMetrics(this.#make);
  readonly images: ImageMetrics = new ImageMetrics(this.#make);
  readonly storage: StorageMetrics = new StorageMetrics(this.#make);
  readonly nodeStartup: NodeStartupMetrics = new NodeStartupMetrics(this.#make);
  readonly server: ServerMetrics = new ServerMetrics(this.#make);
  readonly evictions: Counter = this.#make.counter(
    "kubelet_evictions",
    "Pods evicted, by the signal that was met",
    "eviction_signal",
  );
  readonly evictionStatsAge: Histogram = this.#make.histogram(
    "kubelet_eviction_stats_age_seconds",
    DEFAULT_BUCKETS,
    "Age of the measurements by which pods were ranked for eviction, by the signal that was met",
    "eviction_signal",
  );
  readonly preemptions: Counter = this.#make.counter(
    "kubelet_preemptions",
    "Pods that had to go for a critical pod, by the resource that was lacking",
    "preemption_signal",
  );
  readonly runtimeOperations: Counter = this.#make.counter(
    "kubelet_runtime_operations_total",
    "Calls of the container runtime, by operation",
    "operation_type",
  );
  readonly runtimeErrors: Counter = this.#make.counter(
    "kubelet_runtime_operations_errors_total",
    "Calls of the container runtime that failed, by operation",
    "operation_type",
  );
  readonly runtimeSeconds: Histogram = this.#make.histogram(
    "kubelet_runtime_operations_duration_seconds",
    RUNTIME_BUCKETS,
    "How long calls of the container runtime took, by operation",
    "operation_type",
  );
  readonly cgroupSeconds: Histogram = this.#make.histogram(
    "kubelet_cgroup_manager_duration_seconds",
    DEFAULT_BUCKETS,
    "How long it took to make, change and remove cgroups",
    "operation_type",
  );
  readonly relistSeconds: Histogram = this.#make.histogram(
    "kubelet_pleg_relist_duration_seconds",
    DEFAULT_BUCKETS,
    "How long it took to list all pods of the runtime",
  );
  readonly relistInterval: Histogram = this.#make.histogram(
    "kubelet_pleg_relist_interval_seconds",
    DEFAULT_BUCKETS,
    "Time between two listings of all pods of the runtime",
  );
  readonly podRelistSeconds: Histogram = this.#make.histogram(
    "kubelet_pleg_pod_relist_duration_seconds",
    DEFAULT_BUCKETS,
    "How long it took to read one pod from the runtime",
  );
  readonly relistedAt: Gauge = this.#make.gauge(
    "kubelet_pleg_last_seen_seconds",
    "When all pods of the runtime were listed last, in seconds since 1970",
  );
  readonly shutdownStart: Gauge = this.#make.gauge(
    "kubelet_graceful_shutdown_start_time_seconds",
    "When the last graceful shutdown began, in seconds since 1970",
  );
  readonly shutdownEnd: Gauge = this.#make.gauge(
    "kubelet_graceful_shutdown_end_time_seconds",
    "When the last graceful shutdown ended, in seconds since 1970",
  );
  readonly hookFallbacks: Counter = this.#make.counter(
    "kubelet_lifecycle_handler_http_fallbacks_total",
    "Hooks over HTTPS that were answered over HTTP instead",
  );
  readonly sleepsCut: Counter = this.#make.counter(
    "kubelet_sleep_action_terminated_early_total",
    "Sleeps of hooks that were cut short",
  );
}
