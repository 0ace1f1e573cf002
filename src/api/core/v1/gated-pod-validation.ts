/** A pod behind scheduling gates may still be told more about where to run, never less (KEP-3838). @module */
import { field, type StatusCause } from "#apimachinery";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { NodeAffinity, NodeSelectorTerm, PodSpec } from "./types.gen.ts";

/** What is wrong with the change of selectors, and the spec with the old ones put back. */
export function gatedChanges(
  spec: PodSpec,
  old: PodSpec,
): { readonly causes: readonly StatusCause[]; readonly spec: PodSpec } {
  const { nodeSelector: _n, affinity: _a, ...rest } = spec;
  const { nodeAffinity: _na, ...others } = spec.affinity ?? {};
  const before = old.affinity?.nodeAffinity;
  const affinity = { ...others, ...(before !== undefined && { nodeAffinity: before }) };
  const hasAffinity = Object.keys(affinity).length > 0 || old.affinity !== undefined;
  return {
    causes: [...nodeSelectorGrows(spec, old), ...nodeAffinityGrows(spec.affinity?.nodeAffinity, before)],
    spec: {
      ...rest,
      ...(old.nodeSelector !== undefined && { nodeSelector: old.nodeSelector }),
      ...(hasAffinity && { affinity }),
    },
  };
}

function nodeSelectorGrows(
  { nodeSelector = {} }: PodSpec,
  { nodeSelector: old = {} }: PodSpec,
): StatusCause[] {
  const kept = Object.entries(old).every(([key, value]) => nodeSelector[key] === value);
  if (kept) return [];
  return [
    field.invalid(
      "spec.nodeSelector",
      nodeSelector,
      "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
    ),
  ];
}

function nodeAffinityGrows(affinity: NodeAffinity | undefined, old: NodeAffinity | undefined): StatusCause[] {
  const before = old?.requiredDuringSchedulingIgnoredDuringExecution;
  if (before === undefined || before.nodeSelectorTerms.length === 0) return [];
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
  const now = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (now === undefined || now.nodeSelectorTerms.length !== before.nodeSelectorTerms.length) {
    const message = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    return [field.invalid(`${path}.nodeSelectorTerms`, now?.nodeSelectorTerms, message)];
  }
  return before.nodeSelectorTerms.flatMap((term, i) =>
    hasOnlyAdditions(now.nodeSelectorTerms[i]!, term)
      ? []
      : [
          field.invalid(
            `${path}.nodeSelectorTerms[${i}]`,
            now.nodeSelectorTerms[i],
            "only additions are allowed (no mutations or deletions)",
          ),
        ],
  );
}

/** An empty term matches nothing: adding to it would make it match more. */
function hasOnlyAdditions(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const [expressions, fields] = [old.matchExpressions ?? [], old.matchFields ?? []];
  const grew = (now.matchExpressions?.length ?? 0) + (now.matchFields?.length ?? 0) > 0;
  if (expressions.length + fields.length === 0 && grew) return false;
  return (
    expressions.every((e, i) => semanticEqual(now.matchExpressions?.[i], e)) &&
    fields.every((f, i) => semanticEqual(now.matchFields?.[i], f))
  );
}
