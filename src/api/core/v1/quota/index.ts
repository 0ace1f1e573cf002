/**
 * What objects use of ResourceQuotas: shared by the admission plugin, which asks whether one more object fits, and by the
 * controller, which counts what there is. Pure.
 * @module
 */
import type { Kind, KubeObject } from "#apimachinery";
import { addResources } from "../pod-resources.ts";
import type { ResourceList } from "../pod-resources.ts";
import type { ResourceQuotaSpec } from "../types.gen.ts";
import { claimEvaluator } from "./claims.ts";
import { countEvaluator } from "./counts.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { isCovered } from "./evaluator.ts";
import { podEvaluator } from "./pods.ts";
import { resourceClaimEvaluator, type ClaimSurroundings } from "./resource-claims.ts";
import { serviceEvaluator } from "./services.ts";

export type { QuotaEvaluator } from "./evaluator.ts";
export { isCovered, quotaMatches, scopesOf } from "./evaluator.ts";
export { countName } from "./counts.ts";
export type { ClaimSurroundings } from "./resource-claims.ts";
export { isMeantToEnd, isUsing } from "./pods.ts";

/** By resource and group. */
const SPECIAL: Readonly<Record<string, unknown>> = {
  "pods.": podEvaluator,
  "services.": serviceEvaluator,
  "persistentvolumeclaims.": claimEvaluator,
};

/** Nobody else: no classes of devices. */
const ALONE: ClaimSurroundings = { classes: () => [], pod: () => undefined, claims: () => [] };

/** Every kind can at least be counted. `around` matters to ResourceClaims alone. */
export function quotaEvaluator<T extends KubeObject>(
  kind: Pick<Kind<T>, "group" | "names">,
  around: ClaimSurroundings = ALONE,
): QuotaEvaluator<T> {
  const name = `${kind.names.plural}.${kind.group}`;
  if (name === "resourceclaims.resource.k8s.io")
    return resourceClaimEvaluator(around) as unknown as QuotaEvaluator<T>;
  return (SPECIAL[name] ?? countEvaluator(kind)) as QuotaEvaluator<T>;
}

export interface QuotaSource<T extends KubeObject = KubeObject> {
  readonly evaluator: QuotaEvaluator<T>;
  /** Those of the quota's namespace. */
  readonly objects: () => readonly T[];
}

/** What the objects use of each name in `hard` that one of the sources knows; names that none knows are left out. */
export function calculateUsage(
  spec: ResourceQuotaSpec,
  sources: readonly QuotaSource[],
  nowMs: number,
): ResourceList {
  const names = Object.keys(spec.hard ?? {});
  let used: ResourceList = {};
  for (const { evaluator, objects } of sources) {
    const matching = evaluator.matchingResources(names);
    if (matching.length === 0) continue;
    used = { ...Object.fromEntries(matching.map((name) => [name, "0"])), ...used };
    for (const object of objects()) {
      if (!isCovered(evaluator, spec, object)) continue;
      used = addResources(used, maskUsage(evaluator.usage(object, nowMs), matching));
    }
  }
  return used;
}

/** `list` with these names alone. */
export function maskUsage(list: ResourceList, names: readonly string[]): ResourceList {
  return Object.fromEntries(Object.entries(list).filter(([name]) => names.includes(name)));
}
