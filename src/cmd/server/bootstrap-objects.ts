/** What kubeadm adds to a new cluster, so that nodes can join and the API server reaches them; made again when it is missing. @module */
import { isAlreadyExists, isNotFound, unless, type Kind, type KubeObject } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { ClusterRoleBindings } from "#api/rbac/v1/clusterrolebinding";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import { RoleBindings } from "#api/rbac/v1/rolebinding";
import { Roles } from "#api/rbac/v1/role";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "#api/rbac/v1/types.gen";
import type { Client } from "#client";

const GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${GROUP}/v1`;
/** Group of bootstrap tokens that nodes join with. */
const BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token";
const CLUSTER_INFO = "cluster-info";
const PUBLIC = "kube-public";
const CSR = "system:certificates.k8s.io:certificatesigningrequests";

/** Name → ClusterRole and subject. */
const BINDINGS: Readonly<Record<string, readonly [string, Subject]>> = {
  "kubeadm:cluster-admins": ["cluster-admin", group("kubeadm:cluster-admins")],
  "kubeadm:apiserver-kubelet-client": ["system:kubelet-api-admin", user("kube-apiserver-kubelet-client")],
  "kubeadm:kubelet-bootstrap": ["system:node-bootstrapper", group(BOOTSTRAPPERS)],
  "kubeadm:get-nodes": ["kubeadm:get-nodes", group(BOOTSTRAPPERS)],
  "kubeadm:node-autoapprove-bootstrap": [`${CSR}:nodeclient`, group(BOOTSTRAPPERS)],
  "kubeadm:node-autoapprove-certificate-rotation": [`${CSR}:selfnodeclient`, group("system:nodes")],
  "k8ts:node-components": ["k8ts:node-components", group("system:nodes")],
};

export interface ClusterInfo {
  /** Where nodes reach the API server. */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
}

/** As a member of system:masters: only here. */
export async function ensureBootstrapObjects(
  client: Client,
  info: ClusterInfo,
  signal: AbortSignal,
): Promise<void> {
  const bindings = Object.entries(BINDINGS).map(([name, [role, subject]]) =>
    clusterRoleBinding(name, role, subject),
  );
  const getNodes: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["nodes"] };
  // Ours: what runs on a node beside its kubelet gets its client certificates at the node's request.
  const components: PolicyRule = {
    verbs: ["create"],
    apiGroups: ["certificates.k8s.io"],
    resources: ["certificatesigningrequests/nodecomponent"],
  };
  const ensure = <T extends KubeObject>(kind: Kind<T>, object: T): Promise<unknown> =>
    unless(isAlreadyExists, client.create(kind, object, signal));
  await Promise.all([
    ensure(ClusterRoles, clusterRole("kubeadm:get-nodes", [getNodes])),
    ensure(ClusterRoles, clusterRole("k8ts:node-components", [components])),
    ...bindings.map((binding) => ensure(ClusterRoleBindings, binding)),
    ensure(Roles, clusterInfoRole()),
    ensure(RoleBindings, clusterInfoBinding()),
    ensureClusterInfo(client, info, signal),
  ]);
}

/** Signatures on it are the bootstrap signer's; a moved server, or a new authority, is told to those who join. */
export async function ensureClusterInfo(
  client: Client,
  info: ClusterInfo,
  signal: AbortSignal,
): Promise<void> {
  const kubeconfig = clusterInfoKubeconfig(info);
  const ref = { namespace: PUBLIC, name: CLUSTER_INFO };
  const existing = await unless(isNotFound, client.get(ConfigMaps, ref, signal));
  if (existing === undefined) {
    const configMap: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: ref,
      data: { kubeconfig },
    };
    await unless(isAlreadyExists, client.create(ConfigMaps, configMap, signal));
    return;
  }
  if (existing.data?.["kubeconfig"] === kubeconfig) return;
  const body = { data: { kubeconfig } };
  await client.patch(ConfigMaps, ref, { type: "merge", body }, signal);
}

/** Where the cluster is and whom to trust, and no credentials. JSON, which is YAML too. */
function clusterInfoKubeconfig({ server, ca }: ClusterInfo): string {
  const cluster = { "certificate-authority-data": Buffer.from(ca).toString("base64"), server };
  const config = {
    apiVersion: "v1",
    clusters: [{ cluster, name: "" }],
    contexts: [],
    "current-context": "",
    kind: "Config",
    users: [],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
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

const CLUSTER_INFO_ROLE = { name: "kubeadm:bootstrap-signer-clusterinfo", namespace: PUBLIC };

function clusterInfoRole(): Role {
  const rule = { verbs: ["get"], apiGroups: [""], resources: ["configmaps"], resourceNames: [CLUSTER_INFO] };
  return { apiVersion: API_VERSION, kind: "Role", metadata: CLUSTER_INFO_ROLE, rules: [rule] };
}

/** Anonymous callers too: who joins knows nobody yet. */
function clusterInfoBinding(): RoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: "RoleBinding",
    metadata: CLUSTER_INFO_ROLE,
    roleRef: { apiGroup: GROUP, kind: "Role", name: CLUSTER_INFO_ROLE.name },
    subjects: [user("system:anonymous")],
  };
}

function group(name: string): Subject {
  return { apiGroup: GROUP, kind: "Group", name };
}

function user(name: string): Subject {
  return { apiGroup: GROUP, kind: "User", name };
}
