/** Role is a set of permissions in a namespace. @module */
import type { Kind } from "#apimachinery";
import { nameColumn } from "../../printing/columns.ts";
import { validateRole } from "./role-validation.ts";
import type { Role } from "./types.gen.ts";

export const Roles: Kind<Role> = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "Role",
  names: { plural: "roles", singular: "role" },
  scope: "Namespaced",
  subresources: [],
  nameRule: "path-segment",
  validate: validateRole,
  strategy: { allowCreateOnUpdate: true },
  columns: [
    nameColumn,
    { name: "Created At", type: "date", value: (role) => role.metadata.creationTimestamp },
  ],
};
