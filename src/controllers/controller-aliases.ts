/** What `--controllers` called them before Kubernetes 1.28; upstream still takes these names. @module */

const ALIASES: Readonly<Record<string, string>> = {
  "serviceaccount-token": "serviceaccount-token-controller",
  endpoint: "endpoints-controller",
  endpointslice: "endpointslice-controller",
  endpointslicemirroring: "endpointslice-mirroring-controller",
  replicationcontroller: "replicationcontroller-controller",
  podgc: "pod-garbage-collector-controller",
  resourcequota: "resourcequota-controller",
  namespace: "namespace-controller",
  serviceaccount: "serviceaccount-controller",
  garbagecollector: "garbage-collector-controller",
  daemonset: "daemonset-controller",
  job: "job-controller",
  deployment: "deployment-controller",
  replicaset: "replicaset-controller",
  horizontalpodautoscaling: "horizontal-pod-autoscaler-controller",
  disruption: "disruption-controller",
  statefulset: "statefulset-controller",
  cronjob: "cronjob-controller",
  csrsigning: "certificatesigningrequest-signing-controller",
  csrapproving: "certificatesigningrequest-approving-controller",
  csrcleaner: "certificatesigningrequest-cleaner-controller",
  service: "service-lb-controller",
  ttl: "ttl-controller",
  bootstrapsigner: "bootstrap-signer-controller",
  tokencleaner: "token-cleaner-controller",
  nodeipam: "node-ipam-controller",
  nodelifecycle: "node-lifecycle-controller",
  "cloud-node-lifecycle": "cloud-node-lifecycle-controller",
  route: "node-route-controller",
  "persistentvolume-binder": "persistentvolume-binder-controller",
  attachdetach: "persistentvolume-attach-detach-controller",
  "persistentvolume-expander": "persistentvolume-expander-controller",
  "clusterrole-aggregation": "clusterrole-aggregation-controller",
  "pvc-protection": "persistentvolumeclaim-protection-controller",
  "pv-protection": "persistentvolume-protection-controller",
  "ttl-after-finished": "ttl-after-finished-controller",
  "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
  "ephemeral-volume": "ephemeral-volume-controller",
  "storage-version-gc": "storageversion-garbage-collector-controller",
  "resource-claim-controller": "resourceclaim-controller",
  "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
  svm: "storage-version-migrator-controller",
};

/** `NAME`, `-NAME` or `*` with today's name in it. */
export function canonicalName(choice: string): string {
  if (!choice.startsWith("-")) return ALIASES[choice] ?? choice;
  const name = choice.slice(1);
  return `-${ALIASES[name] ?? name}`;
}
