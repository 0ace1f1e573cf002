/** Whether a node is one that a pod asks for by selector or by required affinity. @module */
import { labels } from "#apimachinery";
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from "#api/core/v1/types.gen";

const OPERATORS: Readonly<Record<string, labels.Operator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
};

/** All of `nodeSelector`, and any of the required terms. */
export function matchesNodeAffinity(spec: PodSpec | undefined, node: Node): boolean {
  const selector = Object.entries(spec?.nodeSelector ?? {});
  if (selector.some(([key, value]) => node.metadata.labels?.[key] !== value)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** A term without requirements matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { "metadata.name": node.metadata.name };
  return (
    matchExpressions.every((requirement) => matches(requirement, node.metadata.labels ?? {})) &&
    matchFields.every((requirement) => matches(requirement, fields))
  );
}

/** An operator that does not exist matches nothing. */
function matches({ key, operator, values = [] }: NodeSelectorRequirement, set: labels.Labels): boolean {
  const op = OPERATORS[operator];
  return op !== undefined && labels.matchesRequirement({ key, operator: op, values }, set);
}
