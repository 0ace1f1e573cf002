/** What one kind of object uses of a ResourceQuota. @module */
import type { KubeObject } from "#apimachinery";
import type { ResourceList } from "../pod-resources.ts";
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "../types.gen.ts";

export interface QuotaEvaluator<T extends KubeObject = KubeObject> {
  /** Which of the names of a quota's `hard` this kind can use. */
  readonly matchingResources: (names: readonly string[]) => readonly string[];
  /** Whether one scope of a quota covers the object; kinds that know no scopes are covered by none. */
  readonly matchesScope: (scope: ScopedResourceSelectorRequirement, object: T) => boolean;
  /** What the object uses, more names than a quota may bound among them. */
  readonly usage: (object: T, nowMs: number) => ResourceList;
  /** Why the object may not be created under a quota of these names: it does not say how much it needs. */
  readonly constraints: (names: readonly string[], object: T) => string | undefined;
}

/** `spec.scopes` and `spec.scopeSelector` as one list. */
export function scopesOf({
  scopes = [],
  scopeSelector,
}: ResourceQuotaSpec): readonly ScopedResourceSelectorRequirement[] {
  const plain = scopes.map((scopeName) => ({ scopeName, operator: "Exists" }));
  return [...plain, ...(scopeSelector?.matchExpressions ?? [])];
}

/** A quota without scopes covers every object. */
export function isCovered<T extends KubeObject>(
  evaluator: QuotaEvaluator<T>,
  spec: ResourceQuotaSpec,
  object: T,
): boolean {
  return scopesOf(spec).every((scope) => evaluator.matchesScope(scope, object));
}

/** Whether the quota bounds anything that this object uses. */
export function quotaMatches<T extends KubeObject>(
  evaluator: QuotaEvaluator<T>,
  spec: ResourceQuotaSpec,
  object: T,
): boolean {
  const names = Object.keys(spec.hard ?? {});
  return evaluator.matchingResources(names).length > 0 && isCovered(evaluator, spec, object);
}

/** `In`, `NotIn`, `Exists`, `DoesNotExist` over the names that an object has for a scope. */
export function matchesNames(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  names: readonly string[],
): boolean {
  switch (operator) {
    case "In":
      return names.some((name) => values.includes(name));
    case "NotIn":
      return names.length === 0 || names.some((name) => !values.includes(name));
    case "Exists":
      return names.length > 0;
    case "DoesNotExist":
      return names.length === 0;
    default:
      return false;
  }
}
