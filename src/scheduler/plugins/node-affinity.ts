/** NodeAffinity: `nodeSelector` and required terms filter, preferred terms score. @module */
import { matchesNodeAffinity, matchesNodeSelectorTerm, selectableNode } from "#api/core/v1/node-selector";
import type { NodeSelectorTerm, Pod } from "#api/core/v1/types.gen";
import type { Plugin, PreFilterResult } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";
import { normalize } from "./scores.ts";

const NO_MATCH = unresolvable("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");

export const nodeAffinity: Plugin = {
  name: "NodeAffinity",
  preFilter(_state, { pod }) {
    const terms = requiredTerms(pod);
    if (terms === undefined && pod.spec?.nodeSelector === undefined) return { skip: true };
    return terms === undefined ? undefined : namedNodes(terms);
  },
  filter: (_state, { pod }, node) => (matchesNodeAffinity(pod.spec, node) ? undefined : NO_MATCH),
  preScore: (_state, { pod }) => (preferredTerms(pod).length === 0 ? "skip" : undefined),
  score(_state, { pod }, node) {
    let sum = 0;
    for (const { weight, preference } of preferredTerms(pod))
      if (matchesNodeSelectorTerm(preference, node)) sum += weight;
    return sum;
  },
  normalizeScore: (_state, scores) => normalize(scores),
  eventsToRegister: [{ resource: "Node", actions: ["add", "update"] }],
  queueingHint: (event, { pod }) =>
    event.node?.new !== undefined && matchesNodeAffinity(pod.spec, selectableNode(event.node.new)),
};

function requiredTerms(pod: Pod): readonly NodeSelectorTerm[] | undefined {
  return pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}

function preferredTerms(
  pod: Pod,
): readonly { readonly weight: number; readonly preference: NodeSelectorTerm }[] {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Pods of a DaemonSet name their node in every term: the other nodes need no look. */
function namedNodes(terms: readonly NodeSelectorTerm[]): PreFilterResult | undefined {
  const names = new Set<string>();
  for (const term of terms) {
    const byName = term.matchFields?.find(
      ({ key, operator }) => key === "metadata.name" && operator === "In",
    );
    if (byName === undefined) return undefined;
    for (const name of byName.values ?? []) names.add(name);
  }
  return names.size > 0 ? { nodeNames: names } : { status: NO_MATCH };
}
