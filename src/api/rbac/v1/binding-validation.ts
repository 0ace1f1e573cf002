/** Rules for RoleBindings and ClusterRoleBindings. @module */
import { field, isDns1123Subdomain, isPathSegmentName } from "#apimachinery";
import { each, NONE, obeys, oneOf, requiredName, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { AnyBinding } from "./binding-columns.ts";
import type { ClusterRoleBinding, RoleBinding, Subject } from "./types.gen.ts";

const RBAC_GROUP = "rbac.authorization.k8s.io";

export function validateRoleBinding(binding: RoleBinding): Causes {
  return validateBinding(binding, ["Role", "ClusterRole"], true);
}

export function validateClusterRoleBinding(binding: ClusterRoleBinding): Causes {
  return validateBinding(binding, ["ClusterRole"], false);
}

/** Who may write a binding may not turn it into one to another role. */
export function validateBindingUpdate(binding: AnyBinding, old: AnyBinding): Causes {
  if (semanticEqual(binding.roleRef, old.roleRef)) return NONE;
  const { apiGroup, kind, name } = binding.roleRef;
  const shown = { APIGroup: apiGroup, Kind: kind, Name: name };
  return [field.invalid("roleRef", shown, "cannot change roleRef")];
}

function validateBinding(
  { roleRef, subjects }: AnyBinding,
  kinds: readonly string[],
  namespaced: boolean,
): Causes {
  return [
    ...oneOf(roleRef.apiGroup ?? "", [RBAC_GROUP], "roleRef.apiGroup"),
    ...oneOf(roleRef.kind, kinds, "roleRef.kind"),
    ...requiredName(isPathSegmentName, roleRef.name, "roleRef.name"),
    ...each(subjects, "subjects", (subject, at) => validateSubject(subject, namespaced, at)),
  ];
}

function validateSubject(subject: Subject, namespaced: boolean, path: string): Causes {
  const { name, kind, apiGroup = "", namespace = "" } = subject;
  const named = name === "" ? [field.required(field.child(path, "name"))] : NONE;
  const groupPath = field.child(path, "apiGroup");
  switch (kind) {
    case "ServiceAccount":
      return [
        ...named,
        ...(name === "" ? NONE : obeys(isDns1123Subdomain, name, field.child(path, "name"))),
        ...oneOf(apiGroup, [""], groupPath),
        ...(!namespaced && namespace === "" ? [field.required(field.child(path, "namespace"))] : NONE),
      ];
    case "User":
    case "Group":
      return [...named, ...oneOf(apiGroup, [RBAC_GROUP], groupPath)];
    default:
      return [
        ...named,
        field.notSupported(field.child(path, "kind"), kind, ["ServiceAccount", "User", "Group"]),
      ];
  }
}
