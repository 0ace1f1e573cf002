/** What the migrator of stored versions may do: the role is there when its API is served, as upstream. @module */
import type { KubeObject } from "#apimachinery";
import type { BootstrapObject } from "./bootstrap-objects.ts";

export const MIGRATIONS = "storagemigration.k8s.io/storageversionmigrations";
const RBAC = "rbac.authorization.k8s.io";
const ACCOUNT = "storage-version-migrator-controller";

export function migratorRole(): readonly BootstrapObject[] {
  const name = `system:controller:${ACCOUNT}`;
  const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
  const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "true" };
  const apiVersion = `${RBAC}/v1`;
  const role = {
    apiVersion,
    kind: "ClusterRole",
    metadata: { name, labels, annotations },
    rules: [
      // An apply of what was deleted meanwhile is a create, which the uid then refuses.
      { verbs: ["create", "list", "patch"], apiGroups: ["*"], resources: ["*"] },
      { verbs: ["get"], apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"] },
      {
        verbs: ["patch"],
        apiGroups: ["apiextensions.k8s.io"],
        resources: ["customresourcedefinitions/status"],
      },
      {
        verbs: ["update"],
        apiGroups: ["storagemigration.k8s.io"],
        resources: ["storageversionmigrations/status"],
      },
    ],
  } as KubeObject;
  const binding = {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: { name, labels, annotations },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace: "kube-system" }],
  } as KubeObject;
  return [
    { resource: `${RBAC}/clusterroles`, object: role },
    { resource: `${RBAC}/clusterrolebindings`, object: binding },
  ];
}
