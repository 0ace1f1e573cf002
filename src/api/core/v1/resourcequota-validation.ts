/** Rules for ResourceQuotas. @module */
import { field } from "#apimachinery";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { validateQuotaResourceName, validateResourceQuantity } from "../../validation/resources.ts";
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "./types.gen.ts";

const VALUELESS: readonly string[] = [
  "BestEffort",
  "NotBestEffort",
  "Terminating",
  "NotTerminating",
  "CrossNamespacePodAffinity",
];
const SCOPES: readonly string[] = [...VALUELESS, "PriorityClass", "VolumeAttributesClass"];
const CONFLICTS: readonly (readonly [string, string])[] = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];
const EXISTS_MESSAGE =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export function validateResourceQuota({ spec = {}, status = {} }: ResourceQuota): Causes {
  return [
    ...validateList(spec.hard, "spec.hard"),
    ...validateScopes(spec),
    ...(spec.scopeSelector?.matchExpressions ?? []).flatMap((requirement) =>
      validateRequirement(requirement, "spec.scopeSelector.matchExpressions"),
    ),
    ...validateList(status.hard, "status.hard"),
    ...validateList(status.used, "status.used"),
  ];
}

function validateList(list: Readonly<Record<string, string>> | undefined, path: string): Causes {
  return Object.entries(list ?? {}).flatMap(([name, value]) => {
    const at = field.key(path, name);
    return [...validateQuotaResourceName(name, at), ...validateResourceQuantity(name, value, at)];
  });
}

function validateScopes({ scopes = [], hard = {} }: ResourceQuotaSpec): Causes {
  const path = "spec.scopes";
  const unsuited = scopes.some((scope) => Object.keys(hard).some((name) => !isSuited(scope, name)));
  return [
    ...scopes
      .filter((scope) => !SCOPES.includes(scope))
      .map(() => field.invalid(path, scopes, "unsupported scope")),
    ...(unsuited ? [field.invalid(path, scopes, "unsupported scope applied to resource")] : NONE),
    ...CONFLICTS.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() =>
      field.invalid(path, scopes, "conflicting scopes"),
    ),
  ];
}

/** Best-effort pods request nothing, so only their number can be bounded. */
function isSuited(scope: string, resource: string): boolean {
  if (scope === "BestEffort") return resource === "pods" || resource.startsWith("count/");
  if (!SCOPES.includes(scope) || resource.includes("/")) return true;
  return /^(?:pods|cpu|memory|ephemeral-storage|(?:requests|limits)\.(?:cpu|memory|ephemeral-storage)|persistentvolumeclaims|requests\.storage)$/.test(
    resource,
  );
}

function validateRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  path: string,
): Causes {
  const valuesPath = field.child(path, "values");
  const needsValues = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
  const noValues = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
  const known = ["In", "NotIn", "Exists", "DoesNotExist"].includes(operator);
  return [
    ...(SCOPES.includes(scopeName)
      ? NONE
      : [field.invalid(field.child(path, "scopeName"), scopeName, "unsupported scope")]),
    ...(VALUELESS.includes(scopeName) && operator !== "Exists"
      ? [field.invalid(field.child(path, "operator"), operator, EXISTS_MESSAGE)]
      : NONE),
    ...((operator === "In" || operator === "NotIn") && values.length === 0
      ? [field.required(valuesPath, needsValues)]
      : NONE),
    ...((operator === "Exists" || operator === "DoesNotExist") && values.length > 0
      ? [field.invalid(valuesPath, values, noValues)]
      : NONE),
    ...(known
      ? NONE
      : [field.invalid(field.child(path, "operator"), operator, "not a valid selector operator")]),
  ];
}

export function validateResourceQuotaUpdate(quota: ResourceQuota, old: ResourceQuota): Causes {
  return immutable(quota.spec?.scopes?.toSorted(), old.spec?.scopes?.toSorted(), "spec.scopes");
}
