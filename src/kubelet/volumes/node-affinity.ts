/** Whether a PersistentVolume may be mounted on this node. Pure; upstream's CheckNodeAffinity. @module */
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PersistentVolume,
} from "#api/core/v1/types.gen";

/** Undefined: it may. Otherwise upstream's words for why not. */
export function nodeAffinityProblem({ spec }: PersistentVolume, node: Node): string | undefined {
  const required = spec?.nodeAffinity?.required;
  if (required === undefined) return undefined;
  const isMatch = (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
  return isMatch ? undefined : "no matching NodeSelectorTerms";
}

/** Terms are alternatives; an empty one matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const { labels = {}, name } = node.metadata;
  return (
    matchExpressions.every((requirement) => matches(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) =>
      matches(requirement, requirement.key === "metadata.name" ? name : undefined),
    )
  );
}

function matches({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
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
  return text !== undefined && /^-?\d+$/u.test(text);
}
