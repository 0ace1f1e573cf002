/** Topology spread constraints as PodTopologySpread works with them: with the counter of the pods they speak of. @module */
import { matchesNodeAffinity } from "#api/core/v1/node-selector";
import { toleratesAll } from "#api/core/v1/tolerations";
import type { TopologySpreadConstraint } from "#api/core/v1/types.gen";
import { labels, ownValue } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodCounter } from "../cache/pod-counter.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { PER_NODE } from "../cache/topology-table.ts";
import type { PodTopologySpreadArgs } from "../config/types.ts";
import type { Snapshot } from "../framework/plugin.ts";
import type { DefaultSelector } from "./default-selector.ts";

export const HOSTNAME = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";

export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly matchesItself: boolean;
  readonly counter: PodCounter;
}

/** What a constraint speaks of. */
export interface Demand {
  readonly topologyKey: string;
  /** Whether its selector selects the labels, in whatever namespace. */
  readonly selects: (own: labels.Labels) => boolean;
}

/** A constraint before it has its counter. */
interface Draft extends Demand {
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  /** Equal keys mean equal `matches`. */
  readonly key: string;
  readonly matches: (pod: PodInfo) => boolean;
  readonly matchesItself: boolean;
}

/** Upstream's system defaults: 3 per node and 5 per zone, as a wish. */
const SYSTEM_DEFAULTS: readonly TopologySpreadConstraint[] = [
  { topologyKey: HOSTNAME, whenUnsatisfiable: "ScheduleAnyway", maxSkew: 3 },
  { topologyKey: ZONE, whenUnsatisfiable: "ScheduleAnyway", maxSkew: 5 },
];

type Action = "DoNotSchedule" | "ScheduleAnyway";

export class TopologyConstraints {
  readonly #defaults: readonly TopologySpreadConstraint[];
  readonly #isSystem: boolean;
  readonly #selectorOf: DefaultSelector;

  constructor({ defaultConstraints, defaultingType }: PodTopologySpreadArgs, selectorOf: DefaultSelector) {
    this.#isSystem = defaultingType === "System";
    this.#defaults = this.#isSystem ? SYSTEM_DEFAULTS : defaultConstraints;
    this.#selectorOf = selectorOf;
  }

  /** The pod says nothing, and neither does the profile: nodes without zones are as good as others. */
  isSystemDefault({ pod }: PodInfo): boolean {
    return this.#isSystem && (pod.spec?.topologySpreadConstraints ?? []).length === 0;
  }

  /** What keeps the pod from nodes, before anything is counted. */
  hard(pod: PodInfo): readonly Demand[] {
    return this.#drafts(pod, "DoNotSchedule");
  }

  filter(pod: PodInfo, snapshot: Snapshot): readonly Constraint[] {
    const drafts = this.#drafts(pod, "DoNotSchedule");
    const keys = drafts.map(({ topologyKey }) => topologyKey);
    return drafts.map((draft) => withCounter(draft, draft.topologyKey, keys, pod, snapshot));
  }

  /** Wishes count pods on the node itself where they speak of host names, on whatever node. */
  score(pod: PodInfo, snapshot: Snapshot): readonly Constraint[] {
    const drafts = this.#drafts(pod, "ScheduleAnyway");
    const keys = this.isSystemDefault(pod) ? [] : drafts.map(({ topologyKey }) => topologyKey);
    return drafts.map((draft) =>
      draft.topologyKey === HOSTNAME
        ? withCounter({ ...draft, honorsAffinity: false, honorsTaints: false }, PER_NODE, [], pod, snapshot)
        : withCounter(draft, draft.topologyKey, keys, pod, snapshot),
    );
  }

  #drafts(pod: PodInfo, action: Action): readonly Draft[] {
    const own = pod.pod.spec?.topologySpreadConstraints ?? NO_CONSTRAINTS;
    if (own.length > 0)
      return own
        .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
        .map((constraint) => newDraft(pod, constraint, ownSelector(pod, constraint)));
    const defaults = this.#defaults.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
    const selector = defaults.length === 0 ? undefined : this.#selectorOf(pod);
    if (selector === undefined) return NO_DRAFTS;
    return defaults.map((constraint) => newDraft(pod, constraint, selector));
  }
}

const NO_CONSTRAINTS: readonly TopologySpreadConstraint[] = [];
const NO_DRAFTS: readonly Draft[] = [];

function ownSelector(pod: PodInfo, constraint: TopologySpreadConstraint): labels.Selector {
  let selector = labels.fromLabelSelector(constraint.labelSelector);
  for (const key of constraint.matchLabelKeys ?? []) {
    const value = ownValue(pod.labels, key);
    if (value !== undefined) selector = labels.add(selector, labels.newRequirement(key, "in", [value]));
  }
  return selector;
}

function newDraft(
  { namespace, labels: own }: PodInfo,
  constraint: TopologySpreadConstraint,
  selector: labels.Selector,
): Draft {
  const countsNone = labels.isEverything(selector); // as upstream: an empty selector finds only the pod itself
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    key: JSON.stringify([namespace, selector]),
    matches: (other) =>
      !countsNone &&
      other.namespace === namespace &&
      !other.isTerminating &&
      labels.matches(selector, other.labels),
    selects: (others) => labels.matches(selector, others),
    matchesItself: labels.matches(selector, own),
  };
}

function withCounter(
  draft: Draft,
  topologyKey: string,
  neededKeys: readonly string[],
  pod: PodInfo,
  { index }: Snapshot,
): Constraint {
  const { matches, matchesItself, maxSkew, minDomains } = draft;
  const limit = nodeLimit(draft, topologyKey, neededKeys, pod);
  const key = `PodTopologySpread ${topologyKey} ${draft.key} ${limit?.key ?? ""}`;
  const counter = index.counter(key, () => ({
    topologyKey,
    matches,
    ...(limit !== undefined && { includes: limit.includes }),
  }));
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
      otherKeys.every((key) => Object.hasOwn(node.labels, key)) &&
      (!isLimited || matchesNodeAffinity(pod.spec, node)) &&
      (!honorsTaints || toleratesAll(tolerations, node.hardTaints)),
  };
}
