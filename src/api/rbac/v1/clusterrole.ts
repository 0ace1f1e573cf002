/** ClusterRole is a set of permissions in the whole cluster. @module */
import type { Kind } from "#apimachinery";
import { nameColumn } from "../../printing/columns.ts";
import { validateClusterRole } from "./role-validation.ts";
import type { ClusterRole } from "./types.gen.ts";

export const ClusterRoles: Kind<ClusterRole> = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  names: { plural: "clusterroles", singular: "clusterrole" },
  scope: "Cluster",
  subresources: [],
  nameRule: "path-segment",
  validate: validateClusterRole,
  strategy: { allowCreateOnUpdate: true },
  columns: [
    nameColumn,
    { name: "Created At", type: "date", value: (role) => role.metadata.creationTimestamp },
  ],
};
