/** What is counted and timed of pods' volumes, and of what an earlier kubelet left of them. @module */
import type { Counter, Gauge, Histogram } from "#component-base";
import { DEFAULT_BUCKETS, type MetricFactory } from "./metric-factory.ts";

const OPERATION_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

export class StorageMetrics {
  readonly operationSeconds: Histogram;
  readonly reconstructed: Counter;
  readonly reconstructErrors: Counter;
  readonly forceCleaned: Counter;
  readonly forceCleanErrors: Counter;
  readonly orphansCleaned: Gauge;
  readonly orphanErrors: Gauge;
  readonly measureSeconds: Histogram;

  constructor(make: MetricFactory) {
    this.operationSeconds = make.histogram(
      "storage_operation_duration_seconds",
      OPERATION_BUCKETS,
      "How long operations of volumes took",
      "volume_plugin",
      "operation_name",
      "status",
      "migrated",
    );
    this.reconstructed = make.counter(
      "reconstruct_volume_operations_total",
      "Volumes of an earlier kubelet that this one found on the disk when it started",
    );
    this.reconstructErrors = make.counter(
      "reconstruct_volume_operations_errors_total",
      "Volumes of an earlier kubelet of which the disk does not tell what they are",
    );
    this.forceCleaned = make.counter(
      "force_cleaned_failed_volume_operations_total",
      "Volumes of which nothing was known that were cleaned up nevertheless",
    );
    this.forceCleanErrors = make.counter(
      "force_cleaned_failed_volume_operation_errors_total",
      "Volumes of which nothing was known that could not be cleaned up",
    );
    this.orphansCleaned = make.gauge(
      "kubelet_orphan_pod_cleaned_volumes",
      "Pods without an owner whose volumes the last look at the disk was to clean up",
    );
    this.orphanErrors = make.gauge(
      "kubelet_orphan_pod_cleaned_volumes_errors",
      "Pods without an owner whose volumes the last look at the disk could not clean up",
    );
    this.measureSeconds = make.histogram(
      "kubelet_volume_metric_collection_duration_seconds",
      DEFAULT_BUCKETS,
      "How long measuring volumes took",
      "metric_source",
    );
  }

  /** One look at the disk has found so many pods without an owner; what fails from now on is told of this look. */
  swept(orphans: number): void {
    this.orphansCleaned.set(orphans);
    this.orphanErrors.set(0);
  }
}
