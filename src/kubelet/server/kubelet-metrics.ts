/** What kubelet's parts count and time for `/metrics`, with upstream's names, labels and buckets. @module */
import { Counter, Gauge, Histogram, Registry } from "#component-base";

const POD_START_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700,
  3600,
];
const STORAGE_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];
const RUNTIME_BUCKETS = Array.from({ length: 14 }, (_, i) => 0.005 * 2.5 ** i);

export class KubeletMetrics {
  readonly registry: Registry = new Registry();
  readonly evictions: Counter = this.#counter(
    "kubelet_evictions",
    "Pods evicted, by the signal that was met",
    ["eviction_signal"],
  );
  readonly preemptions: Counter = this.#counter(
    "kubelet_preemptions",
    "Pods that had to go for a critical pod, by the resource that was lacking",
    ["preemption_signal"],
  );
  readonly rejections: Counter = this.#counter(
    "kubelet_admission_rejections_total",
    "Pods that the node did not take, by reason",
    ["reason"],
  );
  readonly imagesCollected: Counter = this.#counter(
    "kubelet_image_garbage_collected_total",
    "Images removed by kubelet, by reason",
    ["reason"],
  );
  readonly runtimeOperations: Counter = this.#counter(
    "kubelet_runtime_operations_total",
    "Calls of the container runtime, by operation",
    ["operation_type"],
  );
  readonly runtimeErrors: Counter = this.#counter(
    "kubelet_runtime_operations_errors_total",
    "Calls of the container runtime that failed, by operation",
    ["operation_type"],
  );
  readonly runtimeSeconds: Histogram = this.#histogram(
    "kubelet_runtime_operations_duration_seconds",
    "How long calls of the container runtime took, by operation",
    ["operation_type"],
    RUNTIME_BUCKETS,
  );
  readonly sandboxSeconds: Histogram = this.#histogram(
    "kubelet_run_podsandbox_duration_seconds",
    "How long pods' sandboxes took to start, by runtime handler",
    ["runtime_handler"],
  );
  readonly sandboxErrors: Counter = this.#counter(
    "kubelet_run_podsandbox_errors_total",
    "Pods' sandboxes that could not be started, by runtime handler",
    ["runtime_handler"],
  );
  readonly startedPods: Counter = this.#counter("kubelet_started_pods_total", "Pods' sandboxes started", []);
  readonly startedPodErrors: Counter = this.#counter(
    "kubelet_started_pods_errors_total",
    "Pods' sandboxes that could not be started",
    [],
  );
  readonly startedContainers: Counter = this.#counter(
    "kubelet_started_containers_total",
    "Containers that were to be started, by their type",
    ["container_type"],
  );
  readonly startedContainerErrors: Counter = this.#counter(
    "kubelet_started_containers_errors_total",
    "Containers that could not be started, by their type and by why",
    ["container_type", "code"],
  );
  readonly workerSeconds: Histogram = this.#histogram(
    "kubelet_pod_worker_duration_seconds",
    "How long steps of pods took, by operation",
    ["operation_type"],
  );
  readonly podStartSeconds: Histogram = this.#histogram(
    "kubelet_pod_start_duration_seconds",
    "From when kubelet has seen a pod until it runs",
    [],
    POD_START_BUCKETS,
  );
  readonly relistSeconds: Histogram = this.#histogram(
    "kubelet_pleg_relist_duration_seconds",
    "How long it took to list all pods of the runtime",
    [],
  );
  readonly relistInterval: Histogram = this.#histogram(
    "kubelet_pleg_relist_interval_seconds",
    "Time between two listings of all pods of the runtime",
    [],
  );
  readonly relistedAt: Gauge = this.#gauge(
    "kubelet_pleg_last_seen_seconds",
    "When all pods of the runtime were listed last, in seconds since 1970",
  );
  readonly storageSeconds: Histogram = this.#histogram(
    "storage_operation_duration_seconds",
    "How long operations of volumes took",
    ["volume_plugin", "operation_name", "status", "migrated"],
    STORAGE_BUCKETS,
  );
  readonly shutdownStart: Gauge = this.#gauge(
    "kubelet_graceful_shutdown_start_time_seconds",
    "When the last graceful shutdown began, in seconds since 1970",
  );
  readonly shutdownEnd: Gauge = this.#gauge(
    "kubelet_graceful_shutdown_end_time_seconds",
    "When the last graceful shutdown ended, in seconds since 1970",
  );
  readonly requests: Counter = this.#counter("kubelet_http_requests_total", "Requests of the endpoint", [
    "method",
    "path",
    "server_type",
    "long_running",
  ]);
  readonly requestSeconds: Histogram = this.#histogram(
    "kubelet_http_requests_duration_seconds",
    "How long requests of the endpoint took",
    ["method", "path", "server_type", "long_running"],
  );

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] });
  }

  /** Without buckets: Prometheus' own. */
  #histogram(
    name: string,
    help: string,
    labelNames: readonly string[],
    buckets: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ): Histogram {
    return new Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      registers: [this.registry],
    });
  }
}
