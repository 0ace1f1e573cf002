/** Reconciliations that waited for the cache, as upstream counts them. @module */
import type { MetricsSink } from "#client";

/** The cache of `resource` does not show what the controller wrote. */
export function reportStale(
  metrics: MetricsSink | undefined,
  controller: "job" | "replicaset" | "statefulset" | "daemonset",
  group: string,
  resource: string,
): void {
  metrics?.inc(`${controller}_controller_stale_sync_skips_total`, { group, resource });
}
