/** Rules for ResourceQuotas. @module */
import { canonicalQuantity, compareAmounts, field, sorted } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import {
  isQuotaResource,
  validateQuotaResourceName,
  validateResourceQuantity,
} from "../../validation/resources.ts";
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

export function validateResourceQuota({ spec = {} }: ResourceQuota): Causes {
  return [
    ...validateList(spec.hard, "spec.hard"),
    ...validateScopes(spec.scopes ?? [], spec),
    ...(spec.scopeSelector === undefined ? NONE : validateSelector(spec)),
  ];
}

export function validateResourceQuotaStatusUpdate({ status = {} }: ResourceQuota): Causes {
  return [...validateList(status.hard, "status.hard"), ...validateList(status.used, "status.used")];
}

function validateList(list: Readonly<Record<string, string>> | undefined, path: string): Causes {
  return Object.entries(list ?? {}).flatMap(([name, value]) => {
    const at = field.key(path, name);
    return [...validateQuotaResourceName(name, at), ...validateResourceQuantity(name, value, at)];
  });
}

const UNSUITED = "unsupported scope applied to resource";

function validateScopes(scopes: readonly string[], { hard = {} }: ResourceQuotaSpec): Causes {
  const path = "spec.scopes";
  return [
    ...scopes.flatMap((scope) => [
      ...(SCOPES.includes(scope) ? NONE : [field.invalid(path, scopes, "unsupported scope")]),
      ...unsuited(scope, hard).map(() => field.invalid(path, scopes, UNSUITED)),
    ]),
    ...validateConflicts(scopes, scopes, path),
  ];
}

function validateSelector({ scopeSelector, hard = {}, scopes = [] }: ResourceQuotaSpec): Causes {
  const path = "spec.scopeSelector.matchExpressions";
  const requirements = scopeSelector?.matchExpressions ?? [];
  return [
    ...requirements.flatMap((requirement) => [
      ...(SCOPES.includes(requirement.scopeName)
        ? NONE
        : [field.invalid(field.child(path, "scopeName"), requirement.scopeName, "unsupported scope")]),
      ...unsuited(requirement.scopeName, hard).map(() => field.invalid(path, scopeSelector, UNSUITED)),
      ...validateRequirement(requirement, path),
    ]),
    ...validateConflicts(
      requirements.map((requirement) => requirement.scopeName),
      scopes,
      path,
    ),
  ];
}

function validateConflicts(scopes: readonly string[], shown: readonly string[], path: string): Causes {
  return CONFLICTS.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() =>
    field.invalid(path, shown, "conflicting scopes"),
  );
}

const PODS: readonly string[] = ["pods"];
const COMPUTE: readonly string[] = [
  "cpu",
  "memory",
  "limits.cpu",
  "limits.memory",
  "requests.cpu",
  "requests.memory",
];

/** Best-effort pods request nothing, so only their number can be bounded; claims have their own scope. */
const SUITED: Readonly<Record<string, readonly string[]>> = {
  Terminating: [...PODS, ...COMPUTE],
  NotTerminating: [...PODS, ...COMPUTE],
  NotBestEffort: [...PODS, ...COMPUTE],
  PriorityClass: [...PODS, ...COMPUTE],
  CrossNamespacePodAffinity: [...PODS, ...COMPUTE],
  BestEffort: PODS,
  VolumeAttributesClass: ["persistentvolumeclaims", "requests.storage"],
};

function unsuited(scope: string, hard: Readonly<Record<string, string>>): readonly string[] {
  const suited = SUITED[scope];
  if (suited === undefined) return [];
  return sorted(Object.keys(hard)).filter((name) => isQuotaResource(name) && !suited.includes(name));
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
  const [now, before] = [new Set(quota.spec?.scopes), new Set(old.spec?.scopes)];
  if (now.symmetricDifference(before).size === 0) return NONE;
  return [field.invalid("spec.scopes", quota.spec?.scopes, field.IMMUTABLE_MESSAGE)];
}

const WARNED = ["cpu", "memory", "storage", "ephemeral-storage"];

/** Requests that may exceed the limits are bounded by the limits alone. */
export function warningsForResourceQuota(
  { spec }: ResourceQuota,
  old: ResourceQuota | undefined,
): readonly string[] {
  const hard = spec?.hard ?? {};
  if (old !== undefined) return [];
  return WARNED.flatMap((name) => {
    const isBare = hard[`requests.${name}`] === undefined && (name === "cpu" || name === "memory");
    const requestName = isBare ? name : `requests.${name}`;
    const [request, limit] = [hard[requestName], hard[`limits.${name}`]];
    if (request === undefined || limit === undefined) return [];
    if (compareAmounts(request, limit) <= 0) return [];
    const [less, more] = [canonicalQuantity(request), canonicalQuantity(limit)];
    return [`ResourceQuota ${requestName} (${less}) should be less than limits.${name} (${more})`];
  });
}
