/** What kube-controller-manager calls the work queues, in the label `name` of `workqueue_*`: dashboards ask for these. @module */

/** By controller. Absent: upstream has no queue of these keys, and the label is the controller's name. */
const NAMES: Readonly<Record<string, string>> = {
  "bootstrap-signer-controller": "bootstrap_signer_queue",
  // Upstream's approver and signers share it; a depth can only be that of one queue.
  "certificatesigningrequest-signing-controller": "certificate",
  "clusterrole-aggregation-controller": "ClusterRoleAggregator",
  "cronjob-controller": "cronjob",
  "daemonset-controller": "daemonset",
  "deployment-controller": "deployment",
  "disruption-controller": "disruption",
  "disruption-controller-stale-pods": "stale_pod_disruption",
  "endpoints-controller": "endpoint",
  "endpointslice-controller": "endpoint_slice",
  "endpointslice-mirroring-controller": "endpoint_slice_mirroring",
  "ephemeral-volume-controller": "ephemeral_volume",
  "garbage-collector-controller": "garbage_collector_attempt_to_delete",
  "horizontal-pod-autoscaler-controller": "horizontalpodautoscaler",
  "job-controller": "job",
  "job-orphan-pod-controller": "job_orphan_pod",
  "kube-apiserver-serving-clustertrustbundle-publisher-controller": "ca_cert_publisher_cluster_trust_bundles",
  "namespace-controller": "namespace",
  "node-ipam-controller": "cidrallocator_node",
  "node-lifecycle-controller": "node_lifecycle_controller",
  "persistentvolume-binder-controller": "claims",
  "persistentvolume-expander-controller": "volume_expand",
  "persistentvolume-protection-controller": "pvprotection",
  "persistentvolumeclaim-protection-controller": "pvcprotection",
  "replicaset-controller": "replicaset",
  "replicationcontroller-controller": "replicationmanager",
  "resourceclaim-controller": "resource_claim",
  "resourcequota-controller": "resourcequota_primary",
  "root-ca-certificate-publisher-controller": "root_ca_cert_publisher",
  "service-cidr-controller": "ipaddresses",
  "service-lb-controller": "service",
  "serviceaccount-controller": "serviceaccount",
  "serviceaccount-token-controller": "serviceaccount_tokens_service",
  "statefulset-controller": "statefulset",
  "taint-eviction-controller": "noexec_taint_pod",
  "token-cleaner-controller": "token_cleaner",
  "ttl-after-finished-controller": "ttl_jobs_to_delete",
  "ttl-controller": "ttlcontroller",
  "validatingadmissionpolicy-status-controller": "validatingadmissionpolicy-status",
  "volumeattributesclass-protection-controller": "vacprotection",
};

export function queueNameOf(controllerName: string): string {
  return NAMES[controllerName] ?? controllerName;
}
