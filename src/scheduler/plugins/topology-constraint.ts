/** Topology spread constraints as PodTopologySpread works with them: with the counter of the pods they speak of. @module */
import { matchesNodeAffinity } from "#api/core/v1/node-selector";
import { toleratesAll } from "#api/core/v1/tolerations";
import type { TopologySpreadConstraint } from "#api/core/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodCounter } from "../cache/pod-counter.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { PER_NODE } from "../cache/topology-table.ts";
import type { Snapshot } from "../framework/plugin.ts";

export const HOSTNAME = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";

export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly matchesItself: boolean;
  readonly counter: PodCounter;
}

/** A constraint before it has its counter. */
interface Draft {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  /** Equal keys mean equal `matches`. */
  readonly key: string;
  readonly matches: (pod: PodInfo) => boolean;
}

export function filterConstraints(pod: PodInfo, snapshot: Snapshot): readonly Constraint[] {
  const drafts = explicitDrafts(pod, "DoNotSchedule");
  const keys = drafts.map(({ topologyKey }) => topologyKey);
  return drafts.map((draft) => withCounter(draft, draft.topologyKey, keys, pod, snapshot));
}

/** Wishes count pods on the node itself where they speak of host names, on whatever node. */
export function scoreConstraints(pod: PodInfo, snapshot: Snapshot): readonly Constraint[] {
  const isDefault = (pod.pod.spec?.topologySpreadConstraints ?? []).length === 0;
  const drafts = isDefault ? systemDefaults(pod) : explicitDrafts(pod, "ScheduleAnyway");
  const keys = isDefault ? [] : drafts.map(({ topologyKey }) => topologyKey);
  return drafts.map((draft) =>
    draft.topologyKey === HOSTNAME
      ? withCounter({ ...draft, honorsAffinity: false, honorsTaints: false }, PER_NODE, [], pod, snapshot)
      : withCounter(draft, draft.topologyKey, keys, pod, snapshot),
  );
}

/** Upstream's system defaults: 3 per node and 5 per zone, as a wish. Here for the pods of one controller. */
function systemDefaults({ owner }: PodInfo): readonly Draft[] {
  if (owner === undefined) return [];
  const common = {
    minDomains: 1,
    honorsAffinity: true,
    honorsTaints: false,
    key: `owner ${owner}`,
    matches: (other: PodInfo) => other.owner === owner && !other.isTerminating,
  };
  return [
    { ...common, topologyKey: HOSTNAME, maxSkew: 3 },
    { ...common, topologyKey: ZONE, maxSkew: 5 },
  ];
}

function explicitDrafts(pod: PodInfo, action: "DoNotSchedule" | "ScheduleAnyway"): readonly Draft[] {
  const constraints = pod.pod.spec?.topologySpreadConstraints;
  if (constraints === undefined) return NO_DRAFTS;
  return constraints
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => explicitDraft(pod, constraint));
}

const NO_DRAFTS: readonly Draft[] = [];

function explicitDraft(pod: PodInfo, constraint: TopologySpreadConstraint): Draft {
  let selector = labels.fromLabelSelector(constraint.labelSelector);
  for (const key of constraint.matchLabelKeys ?? []) {
    const value = pod.labels[key];
    if (value !== undefined) selector = labels.add(selector, labels.newRequirement(key, "in", [value]));
  }
  const { namespace } = pod;
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    key: JSON.stringify([namespace, selector]),
    matches: (other) =>
      other.namespace === namespace && !other.isTerminating && labels.matches(selector, other.labels),
  };
}

function withCounter(
  draft: Draft,
  topologyKey: string,
  neededKeys: readonly string[],
  pod: PodInfo,
  { index }: Snapshot,
): Constraint {
  const { matches, maxSkew, minDomains } = draft;
  const limit = nodeLimit(draft, topologyKey, neededKeys, pod);
  const key = `PodTopologySpread ${topologyKey} ${draft.key} ${limit?.key ?? ""}`;
  const counter = index.counter(key, () => ({
    topologyKey,
    matches,
    ...(limit !== undefined && { includes: limit.includes }),
  }));
  const matchesItself = draft.matches({ ...pod, isTerminating: false });
  return { topologyKey: draft.topologyKey, maxSkew, minDomains, matchesItself, counter };
}

/** undefined: every node that has the topology key takes part. */
function nodeLimit(
  { honorsAffinity, honorsTaints }: Draft,
  topologyKey: string,
  neededKeys: readonly string[],
  { pod }: PodInfo,
): { readonly key: string; readonly includes: (node: NodeInfo) => boolean } | undefined {
  const otherKeys = neededKeys.filter((key) => key !== topologyKey);
  const { nodeSelector, affinity, tolerations = [] } = pod.spec ?? {};
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const isLimited = honorsAffinity && (nodeSelector !== undefined || required !== undefined);
  if (otherKeys.length === 0 && !isLimited && !honorsTaints) return undefined;
  return {
    key: JSON.stringify([otherKeys, isLimited && [nodeSelector, required], honorsTaints && tolerations]),
    includes: (node) =>
      otherKeys.every((key) => node.labels[key] !== undefined) &&
      (!isLimited || matchesNodeAffinity(pod.spec, node)) &&
      (!honorsTaints || toleratesAll(tolerations, node.hardTaints)),
  };
}
