/** PodTopologySpread: keeps the pods of a group even over zones, nodes or other domains. @module */
import { jsonEqual, type labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { PodTopologySpreadArgs } from "../config/types.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import { MAX_NODE_SCORE, type Plugin } from "../framework/plugin.ts";
import { unresolvable, unschedulable } from "../framework/status.ts";
import type { DefaultSelector } from "./default-selector.ts";
import { eventPod } from "./event-pod.ts";
import { HOSTNAME, TopologyConstraints, type Constraint, type Demand } from "./topology-constraint.ts";

const NAME = "PodTopologySpread";
const SCORE = "PodTopologySpread.score";
const SKEWED = unschedulable(NAME, "node(s) didn't match pod topology spread constraints");
const NO_LABEL = unresolvable(
  NAME,
  "node(s) didn't match pod topology spread constraints (missing required label)",
);

interface ScoreState {
  readonly constraints: readonly Constraint[];
  readonly weights: readonly number[];
  /** Nodes that lack one of the keys get nothing. */
  readonly needsAllKeys: boolean;
}

/** `selectorOf` gives the pods that count with a pod whose spread is the profile's, not its own. */
export function podTopologySpread(args: PodTopologySpreadArgs, selectorOf: DefaultSelector): Plugin {
  const constraintsOf = new TopologyConstraints(args, selectorOf);
  return {
    name: NAME,
    preFilter(cycle, pod, snapshot) {
      const constraints = constraintsOf.filter(pod, snapshot);
      if (constraints.length === 0) return { skip: true };
      cycle.set(NAME, constraints);
      return undefined;
    },
    filter(cycle, _pod, node) {
      for (const { counter, matchesItself, maxSkew, minDomains } of cycle.get(
        NAME,
      ) as readonly Constraint[]) {
        if (!counter.hasDomain(node)) return NO_LABEL;
        const min = counter.domains < minDomains ? 0 : counter.min;
        if (counter.at(node) + (matchesItself ? 1 : 0) - min > maxSkew) return SKEWED;
      }
      return undefined;
    },
    preScore(cycle, pod, nodes, snapshot) {
      const constraints = constraintsOf.score(pod, snapshot);
      if (constraints.length === 0) return "skip";
      const needsAllKeys = !constraintsOf.isSystemDefault(pod);
      const scored = needsAllKeys ? nodes.filter((node) => hasAllKeys(node, constraints)) : nodes;
      // many small domains weigh as much as few large ones
      const weights = constraints.map((constraint) => Math.log(sizeOf(constraint, scored) + 2));
      cycle.set(SCORE, { constraints, weights, needsAllKeys } satisfies ScoreState);
      return undefined;
    },
    score(cycle, _pod, node) {
      const { constraints, weights, needsAllKeys } = cycle.get(SCORE) as ScoreState;
      if (needsAllKeys && !hasAllKeys(node, constraints)) return Number.NaN;
      let sum = 0;
      for (let i = 0; i < constraints.length; i++) {
        const { counter, maxSkew, topologyKey } = constraints[i]!;
        if (!Object.hasOwn(node.labels, topologyKey)) continue;
        sum += counter.at(node) * weights[i]! + (maxSkew - 1);
      }
      return Math.round(sum);
    },
    /** Fewer pods in the domain is better; nodes outside every domain get nothing. */
    normalizeScore(_cycle, scores) {
      let max = 0;
      let min = Number.MAX_SAFE_INTEGER;
      for (const score of scores) {
        if (score > max) max = score;
        if (score < min) min = score;
      }
      for (let i = 0; i < scores.length; i++) {
        const score = scores[i]!;
        if (Number.isNaN(score)) scores[i] = 0;
        else
          scores[i] = max === 0 ? MAX_NODE_SCORE : Math.floor((MAX_NODE_SCORE * (max + min - score)) / max);
      }
    },
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["add", "update", "delete"], changes: ["UpdatePodLabel"] },
      {
        resource: "Node",
        actions: ["add", "update", "delete"],
        changes: ["UpdateNodeLabel", "UpdateNodeTaint"],
      },
    ],
    queueingHint: (event, pod) => mayHelp(event, pod, constraintsOf.hard(pod)),
  };
}

function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ topologyKey }) => Object.hasOwn(node.labels, topologyKey));
}

/** How many domains the nodes are in. */
function sizeOf({ topologyKey, counter }: Constraint, nodes: readonly NodeInfo[]): number {
  if (topologyKey === HOSTNAME) return nodes.length;
  const domains = new Set<number>();
  // by the profile's own wishes, nodes without the label are one more domain
  for (const node of nodes) domains.add(counter.table.domainOf[node.slot]!);
  return domains.size;
}

/** A pod of the group that comes or goes shifts the balance; so does a node that enters, leaves or moves between domains. */
function mayHelp(event: ClusterEvent, pod: PodInfo, hard: readonly Demand[]): boolean {
  if (event.resource === "Node") return nodeMayHelp(event, hard);
  const older = eventPod(event, "old");
  const newer = eventPod(event, "new");
  if ((older ?? newer)?.namespace !== pod.namespace) return false;
  if (older === undefined || newer === undefined)
    return hard.some(({ selects }) => selects((older ?? newer)!.labels));
  if (older.isTerminating !== newer.isTerminating) return hard.some(({ selects }) => selects(older.labels));
  return hard.some(({ selects }) => selects(older.labels) !== selects(newer.labels));
}

function nodeMayHelp({ node }: ClusterEvent, hard: readonly Demand[]): boolean {
  const hasKeys = (own: labels.Labels): boolean =>
    hard.every(({ topologyKey }) => Object.hasOwn(own, topologyKey));
  const older = node?.old?.metadata.labels ?? {};
  const newer = node?.new?.metadata.labels ?? {};
  if (node?.old === undefined) return hasKeys(newer);
  if (node.new === undefined) return hasKeys(older);
  if (hasKeys(older) !== hasKeys(newer)) return true;
  if (!hasKeys(newer)) return false;
  const isMoved = hard.some(({ topologyKey }) => older[topologyKey] !== newer[topologyKey]);
  return isMoved || !jsonEqual(node.old.spec?.taints, node.new.spec?.taints);
}
