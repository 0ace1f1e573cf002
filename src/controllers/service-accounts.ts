/** In whose name each controller writes: accounts of kube-system, as kube-controller-manager's `--use-service-account-credentials`. @module */

/** Those whose account is not called like the controller. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  "serviceaccount-controller": "service-account-controller",
  "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
  "replicationcontroller-controller": "replication-controller",
  "daemonset-controller": "daemon-set-controller",
  "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
  "endpoints-controller": "endpoint-controller",
  "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
  "persistentvolume-binder-controller": "persistent-volume-binder",
  "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
  "persistentvolume-protection-controller": "pv-protection-controller",
  "persistentvolume-attach-detach-controller": "attachdetach-controller",
  "persistentvolume-expander-controller": "expand-controller",
  "local-path-provisioner-controller": "local-path-provisioner",
  "service-cidr-controller": "service-cidrs-controller",
  "garbage-collector-controller": "generic-garbage-collector",
  "pod-garbage-collector-controller": "pod-garbage-collector",
  "node-lifecycle-controller": "node-controller",
  "taint-eviction-controller": "node-controller",
  "node-ipam-controller": "node-controller",
  "node-route-controller": "route-controller",
  "service-lb-controller": "service-controller",
  "resourceclaim-controller": "resource-claim-controller",
  "legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
  "certificatesigningrequest-approving-controller": "certificate-controller",
  "certificatesigningrequest-signing-controller": "certificate-controller",
  "certificatesigningrequest-cleaner-controller": "certificate-controller",
  "podcertificaterequest-cleaner-controller": "podcertificaterequestcleaner",
  "node-component-csr-approving-controller": "node-component-approver",
  "kube-apiserver-serving-clustertrustbundle-publisher-controller":
    "kube-apiserver-serving-clustertrustbundle-publisher",
  "bootstrap-signer-controller": "bootstrap-signer",
  "token-cleaner-controller": "token-cleaner",
};

/** It makes the accounts' tokens: it acts as the controller manager itself. */
const WITHOUT_ACCOUNT = "serviceaccount-token-controller";

/** The name of the controller's account in kube-system; undefined: it has none. */
export function serviceAccountOf(controllerName: string): string | undefined {
  return controllerName === WITHOUT_ACCOUNT ? undefined : (ACCOUNTS[controllerName] ?? controllerName);
}
