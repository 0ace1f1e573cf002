/** Whether what is limited by configuration is covered by a quota. Pure; the other half of upstream's `CheckRequest`. @module */
import { compareStrings, parseQuantity, signOf, StatusError } from "#apimachinery";
import type { ResourceList } from "#api/core/v1/pod-resources";
import { scopesOf, type QuotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "#api/core/v1/types.gen";
import type { Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import type { LimitedResource } from "./configuration.ts";

export interface LimitedRequest {
  /** Of the namespace. */
  readonly quotas: readonly ResourceQuota[];
  /** Those that bound the object. */
  readonly concerned: readonly ResourceQuota[];
  readonly usage: ResourceList;
  readonly evaluator: QuotaEvaluator;
  readonly attributes: Attributes;
}

/** Throws the refusal. */
export function checkLimited(limited: readonly LimitedResource[], request: LimitedRequest): void {
  const { quotas, concerned, evaluator, attributes } = request;
  const covered = concerned.flatMap(({ status }) =>
    evaluator.matchingResources(Object.keys(status?.hard ?? {})),
  );
  const missing = limitedNames(limited, request).filter((name) => !covered.includes(name));
  if (missing.length > 0) {
    throw refuse(attributes, `insufficient quota to consume: ${missing.toSorted(compareStrings).join(",")}`);
  }
  const matching = (scopes: readonly ScopedResourceSelectorRequirement[]) =>
    scopes.filter((scope) => evaluator.matchesScope(scope, attributes.object!));
  const known = new Set(
    quotas.flatMap(({ spec }) => matching(scopesOf(spec ?? {}))).map(({ scopeName }) => scopeName),
  );
  const uncovered = limited
    .flatMap(({ matchScopes }) => matching(matchScopes))
    .filter(({ scopeName }) => !known.has(scopeName));
  if (uncovered.length === 0) return;
  const shown = uncovered.map(
    ({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(" ")}]}`,
  );
  throw new StatusError("Unknown", `insufficient quota to match these scopes: [${shown.join(" ")}]`);
}

/** The names that are used and limited. */
function limitedNames(
  limited: readonly LimitedResource[],
  { usage, attributes }: LimitedRequest,
): readonly string[] {
  const { group, names } = attributes.kind;
  const parts = limited
    .filter(({ apiGroup, resource }) => apiGroup === group && resource === names.plural)
    .flatMap(({ matchContains }) => matchContains);
  const used = Object.entries(usage).filter(([, amount]) => signOf(parseQuantity(amount)) > 0);
  return used.map(([name]) => name).filter((name) => parts.some((part) => name.includes(part)));
}
