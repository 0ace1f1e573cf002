/** Node selectors (`nodeSelector`, `nodeAffinity`): what upstream's component-helpers does. @module */
import type { NodeSelectorRequirement, NodeSelectorTerm } from "#api/core/v1/types.gen";
import type { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";

/** Terms are alternatives; an empty term matches nothing. */
export function matchesNodeSelector(terms: readonly NodeSelectorTerm[], node: NodeInfo): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

export function matchesTerm(term: NodeSelectorTerm, node: NodeInfo): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const fieldSet = { "metadata.name": node.name };
  return (
    expressions.every((requirement) => matchesRequirement(requirement, node.labels)) &&
    fields.every((requirement) => matchesRequirement(requirement, fieldSet))
  );
}

export function matchesRequirement(requirement: NodeSelectorRequirement, set: labels.Labels): boolean {
  const value = set[requirement.key];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) > BigInt(values[0]);
    case "Lt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) < BigInt(values[0]);
    default:
      return false;
  }
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d+$/.test(text);
}
