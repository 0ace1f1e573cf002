/** InterPodAffinity: pods that want to be near, or far from, other pods. @module */
import type { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import { termMatches, type AffinityTerm, type PodInfo } from "../cache/pod-info.ts";
import type { CycleState, Plugin, Snapshot } from "../framework/plugin.ts";
import { unresolvable, unschedulable } from "../framework/status.ts";
import { normalizeRange } from "./scores.ts";

const NAME = "InterPodAffinity";
const EXISTING_ANTI = unschedulable(NAME, "node(s) didn't satisfy existing pods anti-affinity rules");
const AFFINITY = unresolvable(NAME, "node(s) didn't match pod affinity rules");
const ANTI = unschedulable(NAME, "node(s) didn't match pod anti-affinity rules");
/** What a required affinity of a pod that runs counts when a pod that it likes is scored. */
const HARD_POD_AFFINITY_WEIGHT = 1;

/** `topologyKey\0value` -> pods. */
type PairCounts = Map<string, number>;

interface FilterState {
  readonly existingAnti: PairCounts;
  readonly affinity: PairCounts;
  readonly anti: PairCounts;
}

export type NamespaceLabels = (namespace: string) => labels.Labels;

export function interPodAffinity(namespaceLabels: NamespaceLabels): Plugin {
  const matches = (term: AffinityTerm, pod: PodInfo): boolean => termMatches(term, pod, namespaceLabels);

  const count = (state: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, step: number): void => {
    for (const term of other.requiredAntiAffinity) {
      if (matches(term, pod)) add(state.existingAnti, term, node, step);
    }
    const { requiredAffinity, requiredAntiAffinity } = pod;
    if (requiredAffinity.length > 0 && requiredAffinity.every((term) => matches(term, other))) {
      for (const term of requiredAffinity) add(state.affinity, term, node, step);
    }
    for (const term of requiredAntiAffinity) if (matches(term, other)) add(state.anti, term, node, step);
  };

  return {
    name: NAME,
    preFilter(cycle, pod, snapshot) {
      const state: FilterState = { existingAnti: new Map(), affinity: new Map(), anti: new Map() };
      const isPlain = pod.requiredAffinity.length === 0 && pod.requiredAntiAffinity.length === 0;
      for (const node of snapshot.nodes) {
        const others = isPlain ? node.podsWithRequiredAntiAffinity : node.pods.values();
        for (const other of others) count(state, pod, other, node, 1);
      }
      cycle.set(NAME, state);
      return isPlain && state.existingAnti.size === 0 ? { skip: true } : undefined;
    },
    filter(cycle, pod, node) {
      const { existingAnti, affinity, anti } = cycle.get(NAME) as FilterState;
      if (!hasAffinityPods(pod, affinity, node, matches)) return AFFINITY;
      if (pod.requiredAntiAffinity.some((term) => countAt(anti, term.topologyKey, node) > 0)) return ANTI;
      for (const [key, value] of Object.entries(node.labels)) {
        if ((existingAnti.get(`${key}\0${value}`) ?? 0) > 0) return EXISTING_ANTI;
      }
      return undefined;
    },
    addPod: (cycle, pod, other, node) => count(cycle.get(NAME) as FilterState, pod, other, node, 1),
    removePod: (cycle, pod, other, node) => count(cycle.get(NAME) as FilterState, pod, other, node, -1),
    preScore(cycle, pod, _nodes, snapshot) {
      const scores = scorePairs(pod, snapshot, matches);
      if (scores.size === 0) return "skip";
      cycle.set(`${NAME}.score`, scores);
      return undefined;
    },
    score: (cycle, _pod, node) => scoreAt(cycle, node),
    normalizeScore: (_cycle, scores) => normalizeRange(scores),
    queueingHint: (event) =>
      event.resource === "AssignedPod" || (event.resource === "Node" && event.action !== "delete"),
  };
}

/** The first pods of a group that wants to be together have nobody to join: they may go anywhere with the right labels. */
function hasAffinityPods(
  pod: PodInfo,
  counts: PairCounts,
  node: NodeInfo,
  matches: (term: AffinityTerm, pod: PodInfo) => boolean,
): boolean {
  const terms = pod.requiredAffinity;
  if (terms.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return false;
  if (terms.every(({ topologyKey }) => countAt(counts, topologyKey, node) > 0)) return true;
  return counts.size === 0 && terms.every((term) => matches(term, pod));
}

function scorePairs(
  pod: PodInfo,
  snapshot: Snapshot,
  matches: (term: AffinityTerm, pod: PodInfo) => boolean,
): PairCounts {
  const scores: PairCounts = new Map();
  const isPlain = pod.preferredAffinity.length === 0 && pod.preferredAntiAffinity.length === 0;
  for (const node of snapshot.nodes) {
    for (const other of isPlain ? node.podsWithAffinity : node.pods.values()) {
      for (const term of pod.preferredAffinity)
        if (matches(term, other)) add(scores, term, node, term.weight);
      for (const term of pod.preferredAntiAffinity)
        if (matches(term, other)) add(scores, term, node, -term.weight);
      for (const term of other.preferredAffinity)
        if (matches(term, pod)) add(scores, term, node, term.weight);
      for (const term of other.preferredAntiAffinity)
        if (matches(term, pod)) add(scores, term, node, -term.weight);
      for (const term of other.requiredAffinity) {
        if (matches(term, pod)) add(scores, term, node, HARD_POD_AFFINITY_WEIGHT);
      }
    }
  }
  return scores;
}

function scoreAt(cycle: CycleState, node: NodeInfo): number {
  const scores = cycle.get(`${NAME}.score`) as PairCounts;
  let sum = 0;
  for (const [key, value] of Object.entries(node.labels)) sum += scores.get(`${key}\0${value}`) ?? 0;
  return sum;
}

function add(counts: PairCounts, term: AffinityTerm, node: NodeInfo, step: number): void {
  const value = node.labels[term.topologyKey];
  if (value === undefined) return;
  const pair = `${term.topologyKey}\0${value}`;
  const sum = (counts.get(pair) ?? 0) + step;
  if (sum === 0) counts.delete(pair);
  else counts.set(pair, sum);
}

function countAt(counts: PairCounts, key: string, node: NodeInfo): number {
  const value = node.labels[key];
  return value === undefined ? 0 : (counts.get(`${key}\0${value}`) ?? 0);
}
