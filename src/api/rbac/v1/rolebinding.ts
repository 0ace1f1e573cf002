/** RoleBinding grants the permissions of a role to subjects, in a namespace. @module */
import type { Kind } from "#apimachinery";
import { bindingColumns } from "./binding-columns.ts";
import { defaultBinding } from "./binding-defaults.ts";
import { validateRoleBinding, validateBindingUpdate } from "./binding-validation.ts";
import type { RoleBinding } from "./types.gen.ts";

export const RoleBindings: Kind<RoleBinding> = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "RoleBinding",
  names: { plural: "rolebindings", singular: "rolebinding" },
  scope: "Namespaced",
  subresources: [],
  nameRule: "path-segment",
  defaults: defaultBinding,
  validate: validateRoleBinding,
  validateUpdate: validateBindingUpdate,
  strategy: { allowCreateOnUpdate: true },
  columns: bindingColumns,
};
