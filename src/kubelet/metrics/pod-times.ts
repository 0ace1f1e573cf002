/** What is timed and measured of pods, from when they are seen until the API has their status. @module */
import type { Gauge, Histogram } from "#component-base";
import { DEFAULT_BUCKETS, type MetricFactory } from "./metric-factory.ts";

const START_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700,
  3600,
];
const STATUS_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];

export class PodTimes {
  readonly sandboxSeconds: Histogram;
  readonly containersPerPod: Histogram;
  readonly workerSeconds: Histogram;
  readonly workerStartSeconds: Histogram;
  readonly startSeconds: Histogram;
  readonly startTotalSeconds: Histogram;
  readonly startSLISeconds: Histogram;
  readonly firstNetworkStartSeconds: Gauge;
  readonly statusSyncSeconds: Histogram;

  constructor(make: MetricFactory) {
    const seconds = (name: string, help: string, ...labels: readonly string[]): Histogram =>
      make.histogram(`kubelet_${name}_duration_seconds`, DEFAULT_BUCKETS, help, ...labels);
    const start = (name: string, help: string): Histogram =>
      make.histogram(`kubelet_pod_start_${name}duration_seconds`, START_BUCKETS, help);
    this.sandboxSeconds = seconds(
      "run_podsandbox",
      "How long pods' sandboxes took to start, by runtime handler",
      "runtime_handler",
    );
    this.containersPerPod = make.histogram(
      "kubelet_containers_per_pod_count",
      [1, 2, 4, 8, 16],
      "Containers of the pods that came to the node",
    );
    this.workerSeconds = seconds("pod_worker", "How long steps of pods took, by operation", "operation_type");
    this.workerStartSeconds = seconds(
      "pod_worker_start",
      "From when kubelet has seen a pod until its first step",
    );
    this.startSeconds = start("", "From when kubelet has seen a pod until it runs");
    this.startTotalSeconds = start(
      "total_",
      "From when a pod was made until the API shows all of its containers as started",
    );
    this.startSLISeconds = start(
      "sli_",
      "The same without the time of pulling images and of init containers, of pods without volumes that last",
    );
    this.firstNetworkStartSeconds = make.gauge(
      "kubelet_first_network_pod_start_sli_duration_seconds",
      "[INTERNAL] The same of the first pod with a network of its own",
    );
    this.statusSyncSeconds = make.histogram(
      "kubelet_pod_status_sync_duration_seconds",
      STATUS_BUCKETS,
      "From when a pod's status has changed until the API has it",
    );
  }
}
