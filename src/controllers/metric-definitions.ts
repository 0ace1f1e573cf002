/** The metrics of the controllers, under upstream's names and labels. @module */
import {
  counter,
  exponentialBuckets,
  gauge,
  histogram,
  prefixed,
  type MetricDefinition,
} from "#component-base";

const PER_SYNC = exponentialBuckets(2, 2, 15);
const CLAIM_LABELS = ["namespace", "storage_class", "volume_attributes_class"];
const STALE_LABELS = ["group", "resource"];

/** To declare where the metrics are kept. */
export const controllerMetricDefinitions: readonly MetricDefinition[] = [
  ...prefixed("job_controller", [
    histogram(
      "job_sync_duration_seconds",
      exponentialBuckets(0.004, 2, 15),
      "Duration of reconciling a Job",
      "completion_mode",
      "result",
      "action",
    ),
    counter("job_syncs_total", "Reconciliations of Jobs", "completion_mode", "result", "action"),
    counter("jobs_finished_total", "Jobs that have ended", "completion_mode", "result", "reason"),
    counter("jobs_by_external_controller_total", "Jobs that another controller manages", "controller_name"),
    counter(
      "job_pods_finished_total",
      "Pods of Jobs that ended and were counted",
      "completion_mode",
      "result",
    ),
    counter(
      "pod_failures_handled_by_failure_policy_total",
      "Failed pods by what the failure policy said of them",
      "action",
    ),
    counter(
      "terminated_pods_tracking_finalizer_total",
      "Pods that ended with the tracking finalizer, and finalizers taken from them",
      "event",
    ),
    counter("job_finished_indexes_total", "Indexes that have ended", "status", "backoffLimit"),
    counter("job_pods_creation_total", "Pods that were created for Jobs", "reason", "status"),
    counter("stale_sync_skips_total", "Reconciliations that waited for the cache", ...STALE_LABELS),
  ]),
  ...prefixed("cronjob_controller", [
    histogram(
      "job_creation_skew_duration_seconds",
      exponentialBuckets(1, 2, 10),
      "From when a Job was due to when it was created",
    ),
  ]),
  ...prefixed("ttl_after_finished_controller", [
    histogram(
      "job_deletion_duration_seconds",
      exponentialBuckets(0.1, 2, 14),
      "From when a Job's time had passed to its deletion",
    ),
  ]),
  ...prefixed("replicaset_controller", [
    histogram(
      "sorting_deletion_age_ratio",
      exponentialBuckets(0.25, 2, 6),
      "Age of the pod that was chosen, in ages of the youngest; at most 2 is meant",
    ),
    counter("stale_sync_skips_total", "Reconciliations that waited for the cache", ...STALE_LABELS),
  ]),
  ...prefixed("statefulset_controller", [
    gauge(
      "statefulset_max_unavailable",
      "How many replicas may be unavailable in an update",
      "statefulset_namespace",
      "statefulset_name",
      "pod_management_policy",
    ),
    gauge(
      "statefulset_unavailable_replicas",
      "How many replicas are unavailable",
      "statefulset_namespace",
      "statefulset_name",
      "pod_management_policy",
    ),
    counter("stale_sync_skips_total", "Reconciliations that waited for the cache", ...STALE_LABELS),
  ]),
  ...prefixed("daemonset_controller", [
    counter("stale_sync_skips_total", "Reconciliations that waited for the cache", ...STALE_LABELS),
  ]),
  ...prefixed("ephemeral_volume_controller", [
    counter("create_total", "Claims of ephemeral volumes that were to be created"),
    counter("create_failures_total", "Claims of ephemeral volumes that could not be created"),
  ]),
  counter(
    "attach_detach_controller_attachdetach_controller_forced_detaches",
    "Volumes that were detached by force",
    "reason",
  ),
  gauge("attachdetach_controller_total_volumes", "Volumes wanted and attached", "plugin_name", "state"),
  gauge("storage_count_attachable_volumes_in_use", "Volumes that pods use", "node", "volume_plugin"),
  histogram(
    "storage_operation_duration_seconds",
    [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600],
    "How long drivers took to attach and detach volumes",
    "volume_plugin",
    "operation_name",
    "status",
    "migrated",
  ),
  gauge("running_managed_controllers", "Where a controller runs", "name", "manager"),
  ...prefixed("resourceclaim_controller", [
    counter("creates_total", "Creations of ResourceClaims from templates", "status", "admin_access"),
  ]),
  ...prefixed("device_taint_eviction_controller", [
    counter("pod_deletions_total", "Pods that were deleted for the taints of their devices"),
    histogram(
      "pod_deletion_duration_seconds",
      [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240],
      "From when a pod was to go to its deletion",
    ),
  ]),
  ...prefixed("horizontal_pod_autoscaler_controller", [
    counter("reconciliations_total", "Reconciliations of autoscalers", "action", "error"),
    histogram(
      "reconciliation_duration_seconds",
      exponentialBuckets(0.001, 2, 15),
      "Duration of reconciling an autoscaler",
      "action",
      "error",
    ),
    counter("metric_computation_total", "Metrics that were reckoned with", "action", "error", "metric_type"),
    histogram(
      "metric_computation_duration_seconds",
      exponentialBuckets(0.001, 2, 15),
      "Duration of reading and reckoning with one metric",
      "action",
      "error",
      "metric_type",
    ),
    gauge("num_horizontal_pod_autoscalers", "Autoscalers that there are"),
    gauge("desired_replicas", "Replicas that an autoscaler wants", "namespace", "hpa_name"),
  ]),
  ...prefixed("pod_gc_collector", [
    counter("force_delete_pods_total", "Pods that were removed by force", "namespace", "reason"),
    counter("force_delete_pod_errors_total", "Pods that could not be removed", "namespace", "reason"),
  ]),
  ...prefixed("node_ipam_controller", [
    counter("cidrset_cidrs_allocations_total", "Ranges that were given to nodes", "clusterCIDR"),
    counter("cidrset_cidrs_releases_total", "Ranges that nodes gave back", "clusterCIDR"),
    gauge("cirdset_max_cidrs", "Ranges that there are", "clusterCIDR"),
    gauge("cidrset_usage_cidrs", "Part of the ranges that is in use", "clusterCIDR"),
    histogram(
      "cidrset_allocation_tries_per_request",
      exponentialBuckets(1, 5, 5),
      "Ranges in use that were passed over for one that was free",
      "clusterCIDR",
    ),
  ]),
  ...prefixed("root_ca_cert_publisher", [
    counter("sync_total", "Reconciliations of namespaces", "code"),
    histogram(
      "sync_duration_seconds",
      exponentialBuckets(0.001, 2, 15),
      "Duration of reconciling a namespace",
      "code",
    ),
  ]),
  ...prefixed("clustertrustbundle_publisher", [
    counter("sync_total", "Reconciliations of the trust bundle", "code"),
    histogram(
      "sync_duration_seconds",
      exponentialBuckets(0.001, 2, 15),
      "Duration of reconciling the trust bundle",
      "code",
    ),
  ]),
  ...prefixed("pv_collector", [
    gauge("total_pv_count", "PersistentVolumes", "plugin_name", "volume_mode"),
    gauge("bound_pv_count", "PersistentVolumes that are bound", "storage_class"),
    gauge("unbound_pv_count", "PersistentVolumes that are not bound", "storage_class"),
    gauge("bound_pvc_count", "Claims that are bound", ...CLAIM_LABELS),
    gauge("unbound_pvc_count", "Claims that are not bound", ...CLAIM_LABELS),
  ]),
  counter("retroactive_storageclass_total", "Claims that were given the default class later"),
  counter("retroactive_storageclass_errors_total", "Claims that could not be given the default class"),
  ...prefixed("service_controller", [
    counter("loadbalancer_sync_total", "Times that a load balancer was configured"),
  ]),
  ...prefixed("garbagecollector_controller", [
    counter("resources_sync_error_total", "Failures to learn which resources there are"),
  ]),
  ...prefixed("node_collector", [
    gauge("zone_size", "Nodes of the zone", "zone"),
    gauge("zone_health", "How many of the zone's nodes are healthy, in percent", "zone"),
    gauge("unhealthy_nodes_in_zone", "Nodes of the zone that are not ready", "zone"),
    counter("evictions_total", "Nodes from which pods were driven", "zone"),
    histogram(
      "update_node_health_duration_seconds",
      exponentialBuckets(0.001, 4, 8),
      "Duration of looking after one node",
    ),
  ]),
  ...prefixed("taint_eviction_controller", [
    counter("pod_deletions_total", "Pods that were deleted because of taints"),
    histogram(
      "pod_deletion_duration_seconds",
      [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240],
      "From when a pod was to go to its deletion",
    ),
  ]),
  ...prefixed("endpoint_slice_controller", [
    ...sliceMetrics(),
    counter("syncs", "Reconciliations of services, by result", "result"),
    gauge(
      "services_count_by_traffic_distribution",
      "Services that say where their traffic is to go",
      "traffic_distribution",
    ),
    histogram(
      "endpointslices_changed_per_sync",
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      "EndpointSlices that one reconciliation changed",
      "topology",
      "traffic_distribution",
    ),
  ]),
  ...prefixed("endpoint_slice_mirroring_controller", [
    ...sliceMetrics(),
    histogram("endpoints_updated_per_sync", PER_SYNC, "Endpoints that one reconciliation changed"),
    histogram("addresses_skipped_per_sync", PER_SYNC, "Addresses that were not mirrored"),
    histogram(
      "endpoints_sync_duration",
      exponentialBuckets(0.001, 2, 15),
      "Duration of mirroring Endpoints, in seconds",
    ),
  ]),
];

function sliceMetrics(): readonly MetricDefinition[] {
  return [
    histogram("endpoints_added_per_sync", PER_SYNC, "Endpoints that one reconciliation added"),
    histogram("endpoints_removed_per_sync", PER_SYNC, "Endpoints that one reconciliation removed"),
    gauge("endpoints_desired", "Endpoints that there should be"),
    gauge("num_endpoint_slices", "EndpointSlices that there are"),
    gauge("desired_endpoint_slices", "EndpointSlices that would do, if all were full"),
    counter("changes", "Writes of EndpointSlices", "operation"),
  ];
}
