/** What the publisher of the server's own ClusterTrustBundle may do: the role is there when its API is served, as upstream. @module */
import type { KubeObject } from "#apimachinery";
import type { BootstrapObject } from "./bootstrap-objects.ts";

export const TRUST_BUNDLES = "certificates.k8s.io/clustertrustbundles";
const GROUP = "certificates.k8s.io";
const RBAC = "rbac.authorization.k8s.io";
const ACCOUNT = "kube-apiserver-serving-clustertrustbundle-publisher";

export function trustBundleRole(): readonly BootstrapObject[] {
  const metadata = {
    name: `system:controller:${ACCOUNT}`,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
    annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
  };
  const apiVersion = `${RBAC}/v1`;
  const role = {
    apiVersion,
    kind: "ClusterRole",
    metadata,
    rules: [
      {
        verbs: ["attest"],
        apiGroups: [GROUP],
        resources: ["signers"],
        resourceNames: ["kubernetes.io/kube-apiserver-serving"],
      },
      {
        verbs: ["create", "update", "delete", "list", "watch"],
        apiGroups: [GROUP],
        resources: ["clustertrustbundles"],
      },
    ],
  } as KubeObject;
  const binding = {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata,
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: metadata.name },
    subjects: [
      { kind: "ServiceAccount", name: ACCOUNT, namespace: "kube-system" },
      // It reads for all controllers, and its own role does not know this kind.
      { kind: "User", apiGroup: RBAC, name: "system:kube-controller-manager" },
    ],
  } as KubeObject;
  return [
    { resource: `${RBAC}/clusterroles`, object: role },
    { resource: `${RBAC}/clusterrolebindings`, object: binding },
  ];
}
