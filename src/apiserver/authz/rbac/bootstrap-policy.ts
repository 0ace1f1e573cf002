/** The RBAC objects that the API server creates when they are missing, and completes when they lack something. @module */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "#api/rbac/v1/types.gen";
import { AUTO_UPDATE } from "./reconcile.ts";
import { CLUSTER_ROLES } from "./cluster-roles.ts";
import { CONTROLLER_ROLES } from "./controller-roles.ts";
import { EVENTS, READ, toRule, type RoleTable } from "./rule-table.ts";

const GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${GROUP}/v1`;
const CONTROLLER = "system:controller:";

/** Roles made of the rules of others: their label, and whose rules they are at first. */
const AGGREGATED: Readonly<Record<string, readonly string[]>> = {
  admin: ["system:aggregate-to-admin", "system:aggregate-to-edit", "system:aggregate-to-view"],
  edit: ["system:aggregate-to-edit", "system:aggregate-to-view"],
  view: ["system:aggregate-to-view"],
};

/** Label that makes a role part of another. */
const AGGREGATES_TO: Readonly<Record<string, string>> = {
  edit: "admin",
  view: "edit",
  "system:aggregate-to-admin": "admin",
  "system:aggregate-to-edit": "edit",
  "system:aggregate-to-view": "view",
};

/** ClusterRole → subjects: `group:`, `user:` or `sa:namespace/name`. */
const BINDINGS: Readonly<Record<string, readonly string[]>> = {
  "cluster-admin": ["group:system:masters"],
  "system:basic-user": ["group:system:authenticated"],
  "system:cluster-trust-bundle-discovery": ["group:system:serviceaccounts"],
  "system:coredns": ["sa:kube-system/coredns"],
  "system:discovery": ["group:system:authenticated"],
  // The pod network runs beside kube-proxy and calls with its certificate.
  "system:k8ts-network": ["user:system:kube-proxy"],
  "system:kube-controller-manager": ["user:system:kube-controller-manager"],
  "system:kube-dns": ["sa:kube-system/kube-dns"],
  "system:kube-scheduler": ["user:system:kube-scheduler"],
  "system:monitoring": ["group:system:monitoring"],
  // Nobody: the node authorizer knows what a node may see.
  "system:node": [],
  "system:node-proxier": ["user:system:kube-proxy"],
  "system:public-info-viewer": ["group:system:authenticated", "group:system:unauthenticated"],
  "system:service-account-issuer-discovery": ["group:system:serviceaccounts"],
  "system:volume-scheduler": ["user:system:kube-scheduler"],
};

const LEADER_LOCKING: RoleTable[string] = [
  ["get list watch create update", "coordination.k8s.io", "leases"],
  ["get list watch create update", "coordination.k8s.io", "leasecandidates"],
];

/** `namespace/name` → rules. */
const NAMESPACE_ROLES: RoleTable = {
  "kube-public/system:controller:bootstrap-signer": [
    [READ, "core", "configmaps"],
    ["update", "core", "configmaps", "cluster-info"],
    EVENTS,
  ],
  "kube-system/extension-apiserver-authentication-reader": [
    [READ, "core", "configmaps", "extension-apiserver-authentication"],
  ],
  "kube-system/system::leader-locking-kube-controller-manager": LEADER_LOCKING,
  "kube-system/system::leader-locking-kube-scheduler": LEADER_LOCKING,
  "kube-system/system:controller:bootstrap-signer": [[READ, "core", "secrets"]],
  "kube-system/system:controller:cloud-provider": [["get list watch create", "core", "configmaps"]],
  "kube-system/system:controller:token-cleaner": [["get list watch delete", "core", "secrets"], EVENTS],
  // Ours: the stub domains and resolvers of cluster DNS.
  "kube-system/system:coredns": [["list watch", "core", "configmaps", "kube-dns"]],
};

/** `namespace/name` → role and subjects. */
const NAMESPACE_BINDINGS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "kube-public/system:controller:bootstrap-signer": [
    "system:controller:bootstrap-signer",
    "sa:kube-system/bootstrap-signer",
  ],
  "kube-system/system::extension-apiserver-authentication-reader": [
    "extension-apiserver-authentication-reader",
    "user:system:kube-controller-manager",
    "user:system:kube-scheduler",
  ],
  "kube-system/system::leader-locking-kube-controller-manager": [
    "system::leader-locking-kube-controller-manager",
    "user:system:kube-controller-manager",
    "sa:kube-system/kube-controller-manager",
    "sa:kube-system/leader-election-controller",
  ],
  "kube-system/system::leader-locking-kube-scheduler": [
    "system::leader-locking-kube-scheduler",
    "user:system:kube-scheduler",
    "sa:kube-system/kube-scheduler",
  ],
  "kube-system/system:controller:bootstrap-signer": [
    "system:controller:bootstrap-signer",
    "sa:kube-system/bootstrap-signer",
  ],
  "kube-system/system:controller:cloud-provider": [
    "system:controller:cloud-provider",
    "sa:kube-system/cloud-provider",
  ],
  "kube-system/system:controller:token-cleaner": [
    "system:controller:token-cleaner",
    "sa:kube-system/token-cleaner",
  ],
  "kube-system/system:coredns": ["system:coredns", "sa:kube-system/coredns"],
};

export function bootstrapClusterRoles(): ClusterRole[] {
  const plain = Object.entries(CLUSTER_ROLES).map(([name, rows]) => clusterRole(name, rows.map(toRule)));
  const controllers = Object.entries(CONTROLLER_ROLES).map(([name, rows]) =>
    clusterRole(CONTROLLER + name, rows.map(toRule)),
  );
  const aggregated = Object.entries(AGGREGATED).map(([name, parts]) => ({
    ...clusterRole(
      name,
      parts.flatMap((part) => CLUSTER_ROLES[part]!.map(toRule)),
    ),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregateLabel(name)]: "true" } }] },
  }));
  return [...plain, ...aggregated, ...controllers];
}

export function bootstrapClusterRoleBindings(): ClusterRoleBinding[] {
  const controllers = Object.keys(CONTROLLER_ROLES).map((name): [string, string[]] => [
    CONTROLLER + name,
    [`sa:kube-system/${name}`],
  ]);
  return [...Object.entries(BINDINGS), ...controllers].map(([name, subjects]) => ({
    apiVersion: API_VERSION,
    kind: "ClusterRoleBinding",
    metadata: metadata(name),
    roleRef: roleRef("ClusterRole", name),
    subjects: subjects.map(subject),
  }));
}

export function bootstrapRoles(): Role[] {
  return Object.entries(NAMESPACE_ROLES).map(([key, rows]) => ({
    apiVersion: API_VERSION,
    kind: "Role",
    metadata: namespaced(key),
    rules: rows.map(toRule),
  }));
}

export function bootstrapRoleBindings(): RoleBinding[] {
  return Object.entries(NAMESPACE_BINDINGS).map(([key, [role, ...subjects]]) => ({
    apiVersion: API_VERSION,
    kind: "RoleBinding",
    metadata: namespaced(key),
    roleRef: roleRef("Role", role),
    subjects: subjects.map(subject),
  }));
}

function clusterRole(name: string, rules: readonly PolicyRule[]): ClusterRole {
  const to = AGGREGATES_TO[name];
  const labels = to === undefined ? {} : { [aggregateLabel(to)]: "true" };
  return { apiVersion: API_VERSION, kind: "ClusterRole", metadata: metadata(name, labels), rules };
}

function aggregateLabel(name: string): string {
  return `${GROUP}/aggregate-to-${name}`;
}

function metadata(name: string, labels: Readonly<Record<string, string>> = {}): ClusterRole["metadata"] {
  return {
    name,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    annotations: { [AUTO_UPDATE]: "true" },
  };
}

function namespaced(key: string): Role["metadata"] {
  const [namespace = "", name = ""] = key.split("/");
  return { ...metadata(name), namespace };
}

function roleRef(kind: RoleRef["kind"], name: string): RoleRef {
  return { apiGroup: GROUP, kind, name };
}

function subject(text: string): Subject {
  const [type, rest] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (type === "sa") {
    const [namespace = "", name = ""] = rest.split("/");
    return { kind: "ServiceAccount", namespace, name };
  }
  return { apiGroup: GROUP, kind: type === "group" ? "Group" : "User", name: rest };
}
