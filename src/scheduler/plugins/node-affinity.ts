/** NodeAffinity: `nodeSelector` and required terms filter, preferred terms score; the profile may add terms of its own. @module */
import {
  matchesNodeAffinity,
  matchesNodeSelector,
  matchesNodeSelectorTerm,
  selectableNode,
  type SelectableNode,
} from "#api/core/v1/node-selector";
import type { NodeSelectorTerm, Pod } from "#api/core/v1/types.gen";
import type { NodeAffinityArgs } from "../config/types.ts";
import type { Plugin, PreFilterResult } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";
import { normalize } from "./scores.ts";

const NAME = "NodeAffinity";
const NO_MATCH = unresolvable(NAME, "node(s) didn't match Pod's node affinity/selector");
const ENFORCED = unresolvable(NAME, "node(s) didn't match scheduler-enforced node affinity");
const CONFLICT = unresolvable(NAME, "pod affinity terms conflict");

interface WeightedTerm {
  readonly weight: number;
  readonly preference: NodeSelectorTerm;
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs = {}): Plugin {
  const added = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const addedPreferred = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const isAllowed = (node: SelectableNode): boolean =>
    added === undefined || matchesNodeSelector(added, node);
  const matches = ({ spec }: Pod, node: SelectableNode): boolean =>
    isAllowed(node) && matchesNodeAffinity(spec, node);
  return {
    name: NAME,
    preFilter(_state, { pod }) {
      const terms = requiredTerms(pod);
      if (terms === undefined && pod.spec?.nodeSelector === undefined && added === undefined)
        return { skip: true };
      return terms === undefined ? undefined : namedNodes(terms);
    },
    filter(_state, { pod }, node) {
      if (!isAllowed(node)) return ENFORCED;
      return matchesNodeAffinity(pod.spec, node) ? undefined : NO_MATCH;
    },
    sign: ({ pod }) => JSON.stringify([pod.spec?.nodeSelector, requiredTerms(pod)]),
    preScore: (_state, { pod }) =>
      preferredTerms(pod).length + addedPreferred.length === 0 ? "skip" : undefined,
    score: (_state, { pod }, node) => sumOf(addedPreferred, node) + sumOf(preferredTerms(pod), node),
    normalizeScore: (_state, scores) => normalize(scores),
    eventsToRegister: [{ resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] }],
    queueingHint: ({ node }, { pod }) =>
      node?.new !== undefined &&
      matches(pod, selectableNode(node.new)) &&
      (node.old === undefined || !matches(pod, selectableNode(node.old))),
  };
}

function sumOf(terms: readonly WeightedTerm[], node: SelectableNode): number {
  let sum = 0;
  for (const { weight, preference } of terms) if (matchesNodeSelectorTerm(preference, node)) sum += weight;
  return sum;
}

function requiredTerms(pod: Pod): readonly NodeSelectorTerm[] | undefined {
  return pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}

function preferredTerms(pod: Pod): readonly WeightedTerm[] {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Pods of a DaemonSet name their node in every term: the other nodes need no look. */
function namedNodes(terms: readonly NodeSelectorTerm[]): PreFilterResult | undefined {
  const names = new Set<string>();
  for (const term of terms) {
    const byName = (term.matchFields ?? []).filter(
      ({ key, operator }) => key === "metadata.name" && operator === "In",
    );
    if (byName.length === 0) return undefined;
    const [first, ...others] = byName.map(({ values = [] }) => new Set(values));
    for (const name of others.reduce((both, values) => both.intersection(values), first!)) names.add(name);
  }
  return names.size > 0 ? { nodeNames: names } : { status: CONFLICT };
}
