/** PodTopologySpread: keeps the pods of a group even over zones, nodes or other domains. @module */
import type { TopologySpreadConstraint } from "#api/core/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { MAX_NODE_SCORE, type Plugin, type Snapshot } from "../framework/plugin.ts";
import { unresolvable, unschedulable } from "../framework/status.ts";
import { matchesRequired } from "./node-affinity.ts";
import { toleratesAll } from "./tolerations.ts";

const NAME = "PodTopologySpread";
const HOSTNAME = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";
const SKEWED = unschedulable(NAME, "node(s) didn't match pod topology spread constraints");
const NO_LABEL = unresolvable(
  NAME,
  "node(s) didn't match pod topology spread constraints (missing required label)",
);

interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  readonly matchesItself: boolean;
  /** How many pods of the group are on the node. */
  readonly countOn: (node: NodeInfo) => number;
}

interface FilterState {
  readonly constraints: readonly Constraint[];
  /** Per constraint: domain -> pods. */
  readonly counts: readonly Map<string, number>[];
}

interface ScoreState {
  readonly constraints: readonly Constraint[];
  readonly counts: readonly Map<string, number>[];
  readonly weights: readonly number[];
  readonly ignored: ReadonlySet<NodeInfo>;
}

export const podTopologySpread: Plugin = {
  name: NAME,
  preFilter(cycle, pod, snapshot) {
    const constraints = constraintsOf(pod, "DoNotSchedule");
    if (constraints.length === 0) return { skip: true };
    const counts = constraints.map(() => new Map<string, number>());
    for (const node of snapshot.nodes) {
      if (!hasAllKeys(node, constraints)) continue;
      constraints.forEach((constraint, i) => {
        if (!isIncluded(constraint, pod, node)) return;
        const domain = node.labels[constraint.topologyKey]!;
        counts[i]!.set(domain, (counts[i]!.get(domain) ?? 0) + constraint.countOn(node));
      });
    }
    cycle.set(NAME, { constraints, counts } satisfies FilterState);
    return undefined;
  },
  filter(cycle, _pod, node) {
    const { constraints, counts } = cycle.get(NAME) as FilterState;
    for (const [i, constraint] of constraints.entries()) {
      const domain = node.labels[constraint.topologyKey];
      if (domain === undefined) return NO_LABEL;
      const perDomain = counts[i]!;
      const min = perDomain.size < constraint.minDomains ? 0 : Math.min(...perDomain.values());
      const own = (perDomain.get(domain) ?? 0) + (constraint.matchesItself ? 1 : 0);
      if (own - min > constraint.maxSkew) return SKEWED;
    }
    return undefined;
  },
  addPod: (cycle, pod, other, node) => shift(cycle.get(NAME) as FilterState, pod, other, node, 1),
  removePod: (cycle, pod, other, node) => shift(cycle.get(NAME) as FilterState, pod, other, node, -1),
  preScore(cycle, pod, nodes, snapshot) {
    const explicit = constraintsOf(pod, "ScheduleAnyway");
    const isDefault = (pod.pod.spec?.topologySpreadConstraints ?? []).length === 0;
    const constraints = isDefault ? systemDefaults(pod) : explicit;
    if (constraints.length === 0) return "skip";
    cycle.set(`${NAME}.score`, scoreState(constraints, pod, nodes, snapshot, !isDefault));
    return undefined;
  },
  score(cycle, _pod, node) {
    const { constraints, counts, weights, ignored } = cycle.get(`${NAME}.score`) as ScoreState;
    if (ignored.has(node)) return Number.NaN;
    let sum = 0;
    constraints.forEach(({ topologyKey, maxSkew, countOn }, i) => {
      const domain = node.labels[topologyKey];
      if (domain === undefined) return;
      const count = topologyKey === HOSTNAME ? countOn(node) : (counts[i]!.get(domain) ?? 0);
      sum += count * weights[i]! + (maxSkew - 1);
    });
    return Math.round(sum);
  },
  /** Fewer pods in the domain is better; nodes outside every domain get nothing. */
  normalizeScore(_cycle, scores) {
    const valid = scores.filter((score) => !Number.isNaN(score));
    const max = valid.reduce((a, b) => Math.max(a, b), 0);
    const min = valid.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!;
      if (Number.isNaN(score)) scores[i] = 0;
      else scores[i] = max === 0 ? MAX_NODE_SCORE : Math.floor((MAX_NODE_SCORE * (max + min - score)) / max);
    }
  },
  queueingHint: (event) => event.resource === "AssignedPod" || event.resource === "Node",
};

function scoreState(
  constraints: readonly Constraint[],
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  snapshot: Snapshot,
  needsAllKeys: boolean,
): ScoreState {
  const ignored = new Set(needsAllKeys ? nodes.filter((node) => !hasAllKeys(node, constraints)) : []);
  const counts = constraints.map(() => new Map<string, number>());
  let hosts = 0;
  for (const node of nodes) {
    if (ignored.has(node)) continue;
    hosts++;
    constraints.forEach(({ topologyKey }, i) => {
      const domain = node.labels[topologyKey];
      if (topologyKey !== HOSTNAME && domain !== undefined) counts[i]!.set(domain, 0);
    });
  }
  for (const node of constraints.some(({ topologyKey }) => topologyKey !== HOSTNAME) ? snapshot.nodes : []) {
    constraints.forEach((constraint, i) => {
      const domain = node.labels[constraint.topologyKey];
      const known = domain === undefined ? undefined : counts[i]!.get(domain);
      if (known === undefined || !isIncluded(constraint, pod, node)) return;
      counts[i]!.set(domain!, known + constraint.countOn(node));
    });
  }
  // many small domains weigh as much as few large ones
  const weights = constraints.map(({ topologyKey }, i) =>
    Math.log((topologyKey === HOSTNAME ? hosts : counts[i]!.size) + 2),
  );
  return { constraints, counts, weights, ignored };
}

/** Upstream's system defaults: 3 per node and 5 per zone, as a wish. Here for the pods of one controller. */
function systemDefaults(pod: PodInfo): readonly Constraint[] {
  const { owner } = pod;
  if (owner === undefined) return [];
  const countOn = (node: NodeInfo): number => node.podsByOwner.get(owner) ?? 0;
  const common = { minDomains: 1, honorsAffinity: true, honorsTaints: false, matchesItself: true, countOn };
  return [
    { ...common, topologyKey: HOSTNAME, maxSkew: 3 },
    { ...common, topologyKey: ZONE, maxSkew: 5 },
  ];
}

function constraintsOf(pod: PodInfo, action: "DoNotSchedule" | "ScheduleAnyway"): readonly Constraint[] {
  return (pod.pod.spec?.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => explicitConstraint(pod, constraint));
}

function explicitConstraint(pod: PodInfo, constraint: TopologySpreadConstraint): Constraint {
  let selector = labels.fromLabelSelector(constraint.labelSelector);
  if (constraint.labelSelector === undefined) selector = labels.nothing;
  for (const key of constraint.matchLabelKeys ?? []) {
    const value = pod.labels[key];
    if (value !== undefined) selector = labels.add(selector, labels.newRequirement(key, "in", [value]));
  }
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    matchesItself: labels.matches(selector, pod.labels),
    countOn(node) {
      let count = 0;
      for (const other of node.pods.values()) if (isCounted(other, pod, selector)) count++;
      return count;
    },
  };
}

function isCounted(other: PodInfo, pod: PodInfo, selector: labels.Selector): boolean {
  if (other.namespace !== pod.namespace || other.pod.metadata.deletionTimestamp !== undefined) return false;
  return labels.matches(selector, other.labels);
}

/** For preemption: one pod more or less on a node. */
function shift(
  { constraints, counts }: FilterState,
  pod: PodInfo,
  other: PodInfo,
  node: NodeInfo,
  step: 1 | -1,
): void {
  const alone = { pods: new Map([[other.uid, other]]) } as unknown as NodeInfo;
  constraints.forEach((constraint, i) => {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined || !isIncluded(constraint, pod, node) || constraint.countOn(alone) === 0) return;
    counts[i]!.set(domain, (counts[i]!.get(domain) ?? 0) + step);
  });
}

function isIncluded({ honorsAffinity, honorsTaints }: Constraint, pod: PodInfo, node: NodeInfo): boolean {
  if (honorsAffinity && !matchesRequired(pod.pod, node)) return false;
  return !honorsTaints || toleratesAll(pod.pod.spec?.tolerations ?? [], node.hardTaints);
}

function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ topologyKey }) => node.labels[topologyKey] !== undefined);
}
