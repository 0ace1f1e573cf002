/** Rules for Roles and ClusterRoles. @module */
import { field } from "#apimachinery";
import { isValidSelector, validateSelector } from "../../meta/v1/label-selector-validation.ts";
import { each, NONE, type Causes } from "../../validation/common.ts";
import type { ClusterRole, PolicyRule, Role } from "./types.gen.ts";

export function validateRole({ rules }: Role): Causes {
  return each(rules, "rules", (rule, at) => validateRule(rule, true, at));
}

export function validateClusterRole({ rules, aggregationRule }: ClusterRole, old?: ClusterRole): Causes {
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule?.clusterRoleSelectors ?? [];
  const known = old?.aggregationRule?.clusterRoleSelectors ?? [];
  const anyValue = known.some((selector) => !isValidSelector(selector));
  const message = "at least one clusterRoleSelector required if aggregationRule is non-nil";
  return [
    ...each(rules, "rules", (rule, at) => validateRule(rule, false, at)),
    ...(aggregationRule !== undefined && selectors.length === 0 ? [field.required(path, message)] : NONE),
    ...each(selectors, path, (selector, at) => [
      ...validateSelector(selector, at, anyValue),
      ...(isValidSelector(selector) ? NONE : [field.invalid(at, undefined, "invalid label selector.")]),
    ]),
  ];
}

function validateRule(rule: PolicyRule, namespaced: boolean, path: string): Causes {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  const urlsPath = field.child(path, "nonResourceURLs");
  const verbCauses =
    verbs.length === 0
      ? [field.required(field.child(path, "verbs"), "verbs must contain at least one value")]
      : NONE;
  if (urls.length > 0) {
    const mixed = apiGroups.length + resources.length + resourceNames.length > 0;
    return [
      ...verbCauses,
      ...(namespaced
        ? [field.invalid(urlsPath, urls, "namespaced rules cannot apply to non-resource URLs")]
        : NONE),
      ...(mixed
        ? [
            field.invalid(
              urlsPath,
              urls,
              "rules cannot apply to both regular resources and non-resource URLs",
            ),
          ]
        : NONE),
    ];
  }
  return [
    ...verbCauses,
    ...(apiGroups.length === 0
      ? [field.required(field.child(path, "apiGroups"), "resource rules must supply at least one api group")]
      : NONE),
    ...(resources.length === 0
      ? [field.required(field.child(path, "resources"), "resource rules must supply at least one resource")]
      : NONE),
  ];
}
