/** InterPodAffinity: pods that want to be near, or far from, other pods. @module */
import type { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodCounter } from "../cache/pod-counter.ts";
import type { CounterSpec, TermKind } from "../cache/pod-index.ts";
import { termMatches, type AffinityTerm, type PodInfo } from "../cache/pod-info.ts";
import type { InterPodAffinityArgs } from "../config/types.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import type { CycleState, Plugin, Snapshot } from "../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../framework/status.ts";
import { eventPod } from "./event-pod.ts";
import { normalizeRange } from "./scores.ts";

const NAME = "InterPodAffinity";
const SCORE = "InterPodAffinity.score";
const EXISTING_ANTI = unschedulable(NAME, "node(s) didn't satisfy existing pods anti-affinity rules");
const AFFINITY = unresolvable(NAME, "node(s) didn't match pod affinity rules");
const ANTI = unschedulable(NAME, "node(s) didn't match pod anti-affinity rules");
/** The counters are those of the index, so they follow every pod that preemption takes away and puts back. */
interface FilterState {
  /** Pods whose anti-affinity keeps this pod away. */
  existingAnti: readonly PodCounter[];
  /** One for each term, each of the pods that all terms match. */
  readonly affinity: readonly PodCounter[];
  readonly anti: readonly PodCounter[];
  readonly likesItself: boolean;
  readonly snapshot: Snapshot;
}

interface Weighted {
  readonly counter: PodCounter;
  readonly weight: number;
}

export type NamespaceLabels = (namespace: string) => labels.Labels;

type Matches = (term: AffinityTerm, pod: PodInfo) => boolean;

export function interPodAffinity(namespaceLabels: NamespaceLabels, args: InterPodAffinityArgs): Plugin {
  const matches: Matches = (term, pod) => termMatches(term, pod, namespaceLabels);
  return {
    name: NAME,
    preFilter(cycle, pod, snapshot) {
      const existingAnti = existingAntiAffinity(pod, snapshot, matches);
      const { requiredAffinity, requiredAntiAffinity } = pod;
      if (requiredAffinity.length + requiredAntiAffinity.length + existingAnti.length === 0)
        return { skip: true };
      const state: FilterState = {
        existingAnti,
        affinity: jointCounters(requiredAffinity, snapshot, matches),
        anti: requiredAntiAffinity.map((term) => termCounter(term, snapshot, matches)),
        likesItself: requiredAffinity.every((term) => matches(term, pod)),
        snapshot,
      };
      cycle.set(NAME, state);
      return undefined;
    },
    filter: (cycle, _pod, node) => filter(cycle.get(NAME) as FilterState, node),
    /** A pod with a term that nobody had before: its counter is new. */
    addPod(cycle, pod, other) {
      if (other.requiredAntiAffinity.length === 0) return;
      const state = cycle.get(NAME) as FilterState;
      state.existingAnti = existingAntiAffinity(pod, state.snapshot, matches);
    },
    preScore(cycle, pod, _nodes, snapshot) {
      const wishes = pod.preferredAffinity.length + pod.preferredAntiAffinity.length;
      if (args.ignorePreferredTermsOfExistingPods && wishes === 0) return "skip";
      const counters = scoreCounters(pod, snapshot, matches, args.hardPodAffinityWeight).filter(
        ({ counter }) => counter.total > 0,
      );
      if (counters.length === 0) return "skip";
      cycle.set(SCORE, counters);
      return undefined;
    },
    score: (cycle, _pod, node) => scoreAt(cycle, node),
    normalizeScore: (_cycle, scores) => normalizeRange(scores),
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["add", "update", "delete"], changes: ["UpdatePodLabel"] },
      { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] },
    ],
    queueingHint: (event, pod) => mayHelp(event, pod, matches),
  };
}

function existingAntiAffinity(pod: PodInfo, { index }: Snapshot, matches: Matches): readonly PodCounter[] {
  const found: PodCounter[] = [];
  for (const { term, counter } of index.terms("requiredAntiAffinity"))
    if (matches(term, pod)) found.push(counter);
  return found;
}

function jointCounters(
  terms: readonly AffinityTerm[],
  { index }: Snapshot,
  matches: Matches,
): readonly PodCounter[] {
  const joint = terms.map(({ key }) => key).join();
  return terms.map(({ topologyKey }) =>
    index.counter(`${NAME} ${topologyKey} ${joint}`, () => ({
      topologyKey,
      matches: (other) => terms.every((term) => matches(term, other)),
      dependsOnNamespaces: terms.some(({ namespaceSelector }) => namespaceSelector !== undefined),
    })),
  );
}

function termCounter(term: AffinityTerm, { index }: Snapshot, matches: Matches): PodCounter {
  const spec = (): Omit<CounterSpec, "key"> => ({
    topologyKey: term.topologyKey,
    matches: (other) => matches(term, other),
    dependsOnNamespaces: term.namespaceSelector !== undefined,
  });
  return index.counter(`${NAME} ${term.key}`, spec);
}

function filter(
  { affinity, anti, existingAnti, likesItself }: FilterState,
  node: NodeInfo,
): Status | undefined {
  let isNear = true;
  for (const counter of affinity) {
    if (!counter.hasDomain(node)) return AFFINITY;
    if (counter.at(node) === 0) isNear = false;
  }
  // the first pods of a group that wants to be together have nobody to join: they may go anywhere with the right labels
  if (!isNear && !(likesItself && affinity.every(({ total }) => total === 0))) return AFFINITY;
  for (const counter of anti) if (counter.at(node) > 0) return ANTI;
  for (const counter of existingAnti) if (counter.at(node) > 0) return EXISTING_ANTI;
  return undefined;
}

/** `hardWeight`: what a required affinity of a pod that runs counts when a pod that it likes is scored. */
function scoreCounters(pod: PodInfo, snapshot: Snapshot, matches: Matches, hardWeight: number): Weighted[] {
  const found: Weighted[] = [];
  for (const term of pod.preferredAffinity)
    found.push({ counter: termCounter(term, snapshot, matches), weight: term.weight });
  for (const term of pod.preferredAntiAffinity)
    found.push({ counter: termCounter(term, snapshot, matches), weight: -term.weight });
  const ofOthers = (kind: TermKind, factor: number): void => {
    for (const { term, counter } of snapshot.index.terms(kind))
      if (matches(term, pod)) found.push({ counter, weight: factor * term.weight });
  };
  ofOthers("preferredAffinity", 1);
  ofOthers("preferredAntiAffinity", -1);
  if (hardWeight > 0) ofOthers("requiredAffinity", hardWeight);
  return found;
}

function scoreAt(cycle: CycleState, node: NodeInfo): number {
  let sum = 0;
  for (const { counter, weight } of cycle.get(SCORE) as readonly Weighted[]) sum += weight * counter.at(node);
  return sum;
}

/** A pod that comes, goes or changes helps those it concerns; a node that comes or changes may have the right labels. */
function mayHelp(event: ClusterEvent, pod: PodInfo, matches: Matches): boolean {
  if (event.resource === "Node") return true;
  const joins = (other: PodInfo | undefined): boolean =>
    other !== undefined && pod.requiredAffinity.some((term) => matches(term, other));
  const repels = (other: PodInfo | undefined): boolean =>
    other !== undefined &&
    (pod.requiredAntiAffinity.some((term) => matches(term, other)) ||
      other.requiredAntiAffinity.some((term) => matches(term, pod)));
  return joins(eventPod(event, "new")) || repels(eventPod(event, "old"));
}
