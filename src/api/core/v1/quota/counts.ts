/** Kinds of which a ResourceQuota bounds the number alone. @module */
import type { Kind } from "#apimachinery";
import type { QuotaEvaluator } from "./evaluator.ts";

/** Names that older quotas have for `count/NAME`. */
const ALIASES: ReadonlySet<string> = new Set([
  "configmaps",
  "resourcequotas",
  "replicationcontrollers",
  "secrets",
]);

type Named = Pick<Kind, "group" | "names">;

/** `count/secrets`, `count/deployments.apps`. */
export function countName({ group, names }: Named): string {
  return group === "" ? `count/${names.plural}` : `count/${names.plural}.${group}`;
}

export function countEvaluator(kind: Named): QuotaEvaluator {
  const { plural } = kind.names;
  const names = kind.group === "" && ALIASES.has(plural) ? [countName(kind), plural] : [countName(kind)];
  const usage = Object.fromEntries(names.map((name) => [name, "1"]));
  return {
    matchingResources: (wanted) => wanted.filter((name) => names.includes(name)),
    matchesScope: () => false,
    usage: () => usage,
    constraints: () => undefined,
  };
}
