/** ClusterRoleBinding grants the permissions of a role to subjects, in the whole cluster. @module */
import type { Kind } from "#apimachinery";
import { bindingColumns } from "./binding-columns.ts";
import { defaultBinding } from "./binding-defaults.ts";
import { validateClusterRoleBinding, validateBindingUpdate } from "./binding-validation.ts";
import type { ClusterRoleBinding } from "./types.gen.ts";

export const ClusterRoleBindings: Kind<ClusterRoleBinding> = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRoleBinding",
  names: { plural: "clusterrolebindings", singular: "clusterrolebinding" },
  scope: "Cluster",
  subresources: [],
  nameRule: "path-segment",
  defaults: defaultBinding,
  validate: validateClusterRoleBinding,
  validateUpdate: validateBindingUpdate,
  strategy: { allowCreateOnUpdate: true },
  columns: bindingColumns,
};
