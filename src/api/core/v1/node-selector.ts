/** Whether a node fits `nodeAffinity`: one rule for scheduler, controllers and volumes. @module */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from "./types.gen.ts";

type Labels = Readonly<Record<string, string>>;

/** What of a node can be selected. */
export interface SelectableNode {
  readonly name: string;
  readonly labels: Labels;
}

export function selectableNode({ metadata }: Node): SelectableNode {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}

/** All of `nodeSelector`, and any of the required terms: upstream's `GetRequiredNodeAffinity`. */
export function matchesNodeAffinity(spec: PodSpec | undefined, node: SelectableNode): boolean {
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) {
    if (node.labels[key] !== value) return false;
  }
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required.nodeSelectorTerms, node);
}

/** Terms are alternatives. */
export function matchesNodeSelector(terms: readonly NodeSelectorTerm[], node: SelectableNode): boolean {
  return terms.some((term) => matchesNodeSelectorTerm(term, node));
}

/** An empty term matches nothing. */
export function matchesNodeSelectorTerm(term: NodeSelectorTerm, node: SelectableNode): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const fieldSet = { "metadata.name": node.name };
  return (
    expressions.every((requirement) => matches(requirement, node.labels)) &&
    fields.every((requirement) => matches(requirement, fieldSet))
  );
}

/** An operator that does not exist matches nothing. */
function matches(requirement: NodeSelectorRequirement, set: Labels): boolean {
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
  return text !== undefined && /^[-+]?\d+$/.test(text);
}
