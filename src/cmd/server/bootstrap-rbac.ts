/** What kubeadm gives to those who join and to the API server, and what the add-ons of this process may do; made again when it is missing. @module */
import type { RbacObject } from "#apiserver";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "#api/rbac/v1/types.gen";
import { metricsReaderRole } from "#metrics-server";

const GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${GROUP}/v1`;
/** Group of bootstrap tokens that nodes join with. */
const BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token";
const CSR = "system:certificates.k8s.io:certificatesigningrequests";
/** Later servers add what it lacks; kubeadm's own are as their administrator leaves them. */
const COMPLETED = { "rbac.authorization.kubernetes.io/autoupdate": "true" };

/** Name → ClusterRole and subject. */
const BINDINGS: Readonly<Record<string, readonly [string, Subject]>> = {
  "kubeadm:cluster-admins": ["cluster-admin", toGroup("kubeadm:cluster-admins")],
  "kubeadm:apiserver-kubelet-client": ["system:kubelet-api-admin", toUser("kube-apiserver-kubelet-client")],
  "kubeadm:kubelet-bootstrap": ["system:node-bootstrapper", toGroup(BOOTSTRAPPERS)],
  "kubeadm:get-nodes": ["kubeadm:get-nodes", toGroup(BOOTSTRAPPERS)],
  "kubeadm:node-autoapprove-bootstrap": [`${CSR}:nodeclient`, toGroup(BOOTSTRAPPERS)],
  "kubeadm:node-autoapprove-certificate-rotation": [`${CSR}:selfnodeclient`, toGroup("system:nodes")],
  "k8ts:node-components": ["k8ts:node-components", toGroup("system:nodes")],
};

/** Accounts of what this process does beside its components, each with the rights of one task; kubeadm does it as the administrator. */
export const CLUSTER_DNS = "cluster-dns-publisher";
export const CLUSTER_INFO = "cluster-info-publisher";
export const METRICS_SERVER = "metrics-server";
export const TOKEN_TRACKER = "legacy-service-account-token-tracker";

/** `metricsServer`: whether this process serves `metrics.k8s.io`. */
export function bootstrapRbac(metricsServer: boolean): readonly RbacObject[] {
  const bindings = Object.entries(BINDINGS).map(([name, [role, subject]]) =>
    clusterRoleBinding(name, role, subject),
  );
  return [
    clusterRole("kubeadm:get-nodes", [rule("get", "", "nodes")]),
    // Ours: what runs on a node beside its kubelet gets its client certificates at the node's request.
    clusterRole("k8ts:node-components", [
      rule("create", "certificates.k8s.io", "certificatesigningrequests/nodecomponent"),
    ]),
    ...bindings,
    // Anonymous callers too: who joins knows nobody yet.
    ...namespaced("kubeadm:bootstrap-signer-clusterinfo", "kube-public", toUser("system:anonymous"), [
      rule("get", "", "configmaps", "cluster-info"),
    ]),
    ...namespaced(`k8ts:${CLUSTER_INFO}`, "kube-public", account(CLUSTER_INFO), [
      rule("create", "", "configmaps"),
      rule("get patch", "", "configmaps", "cluster-info"),
    ]).map(completed),
    ...namespaced(`k8ts:${CLUSTER_DNS}`, "kube-system", account(CLUSTER_DNS), [
      rule("create", "", "services"),
      rule("get patch", "", "services", "kube-dns"),
    ]).map(completed),
    ...clusterWide(TOKEN_TRACKER, [rule("patch", "", "secrets")]),
    ...(metricsServer
      ? [
          metricsReaderRole,
          ...clusterWide(METRICS_SERVER, [rule("create", "apiregistration.k8s.io", "apiservices")]),
        ]
      : []),
  ];
}

function clusterWide(name: string, rules: readonly PolicyRule[]): readonly RbacObject[] {
  const role = `k8ts:${name}`;
  return [clusterRole(role, rules), clusterRoleBinding(role, role, account(name))].map(completed);
}

function namespaced(
  name: string,
  namespace: string,
  subject: Subject,
  rules: readonly PolicyRule[],
): readonly [Role, RoleBinding] {
  const metadata = { name, namespace };
  const roleRef = { apiGroup: GROUP, kind: "Role", name };
  return [
    { apiVersion: API_VERSION, kind: "Role", metadata, rules },
    { apiVersion: API_VERSION, kind: "RoleBinding", metadata, roleRef, subjects: [subject] },
  ];
}

function completed<T extends RbacObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, annotations: COMPLETED } };
}

/** Verbs are separated by spaces. */
function rule(verbs: string, group: string, resource: string, name?: string): PolicyRule {
  const names = name === undefined ? {} : { resourceNames: [name] };
  return { verbs: verbs.split(" "), apiGroups: [group], resources: [resource], ...names };
}

function clusterRole(name: string, rules: readonly PolicyRule[]): ClusterRole {
  return { apiVersion: API_VERSION, kind: "ClusterRole", metadata: { name }, rules };
}

function clusterRoleBinding(name: string, role: string, subject: Subject): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: role },
    subjects: [subject],
  };
}

function toGroup(name: string): Subject {
  return { apiGroup: GROUP, kind: "Group", name };
}

function toUser(name: string): Subject {
  return { apiGroup: GROUP, kind: "User", name };
}

function account(name: string): Subject {
  return { kind: "ServiceAccount", namespace: "kube-system", name };
}
