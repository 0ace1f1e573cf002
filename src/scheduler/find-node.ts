/** One scheduling cycle: filter, then score, then choose. Synchronous and without I/O. @module */
import type { NodeInfo } from "./cache/node-info.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { Cycle, Framework } from "./framework/framework.ts";
import type { Snapshot } from "./framework/plugin.ts";
import { unresolvable, type Status } from "./framework/status.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";

/** Nodes that were looked at and refused; `nodes[i]` by `statuses[i]`. */
export interface RefusedNodes {
  readonly nodes: readonly NodeInfo[];
  readonly statuses: readonly Status[];
  /** What is true of all nodes that were not looked at. */
  readonly absent: Status | undefined;
}

export interface Unschedulable {
  readonly kind: "unschedulable";
  /** undefined: refused before any node was looked at. */
  readonly cycle: Cycle | undefined;
  readonly refused: RefusedNodes;
  /** Of PreFilter. */
  readonly refusal: Status | undefined;
}

export type Found = { readonly kind: "node"; readonly node: NodeInfo; readonly cycle: Cycle } | Unschedulable;

/** Below this many feasible nodes every node is looked at. */
const FEASIBLE_MIN = 100;
const PERCENT_MIN = 5;

export interface NodeFinderOptions {
  /** 0, as upstream: 50 % of small clusters down to 5 % of very large ones. */
  readonly percentageOfNodesToScore?: number;
  readonly metrics?: SchedulerMetrics;
}

export class NodeFinder {
  readonly #framework: Framework;
  readonly #nominated: NominatedPods;
  readonly #random: () => number;
  readonly #percentage: number;
  readonly #metrics: SchedulerMetrics | undefined;
  /** Scans begin where the last one ended, so that all nodes get their turn. */
  #start = 0;

  constructor(
    framework: Framework,
    nominated: NominatedPods,
    random: () => number,
    options: NodeFinderOptions = {},
  ) {
    this.#framework = framework;
    this.#nominated = nominated;
    this.#random = random;
    this.#percentage = options.percentageOfNodesToScore ?? 0;
    this.#metrics = options.metrics;
  }

  find(pod: PodInfo, snapshot: Snapshot): Found {
    const timer = this.#metrics?.startTimer();
    const cycle = this.#framework.preFilter(pod, snapshot);
    timer?.("PreFilter", "code" in cycle ? "Unschedulable" : "Success");
    if ("code" in cycle) {
      const refused = { nodes: [], statuses: [], absent: cycle };
      return { kind: "unschedulable", cycle: undefined, refused, refusal: cycle };
    }
    const feasible: NodeInfo[] = [];
    const refused = this.#scan(cycle, pod, snapshot, feasible);
    timer?.("Filter", feasible.length === 0 ? "Unschedulable" : "Success");
    if (feasible.length === 0) return { kind: "unschedulable", cycle, refused, refusal: undefined };
    if (feasible.length === 1) return { kind: "node", node: feasible[0]!, cycle };
    const scores = this.#framework.score(cycle, pod, feasible, snapshot);
    timer?.("Score", "Success");
    return { kind: "node", node: feasible[this.#best(scores)]!, cycle };
  }

  /** Whether the pod fits, once as if the pods promised to this node were here, once without them. */
  fits(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    const { size } = this.#nominated;
    return (
      (size > 0 ? this.#fitsPromised(cycle, pod, node) : undefined) ??
      this.#framework.filter(cycle, pod, node)
    );
  }

  #fitsPromised(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    const promised = this.#nominated
      .on(node.name)
      .filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
    if (promised.length === 0) return undefined;
    for (const other of promised) this.#put(cycle, pod, other, node);
    const status = this.#framework.filter(cycle, pod, node);
    for (const other of promised) this.#take(cycle, pod, other, node);
    return status;
  }

  #scan(cycle: Cycle, pod: PodInfo, snapshot: Snapshot, feasible: NodeInfo[]): RefusedNodes {
    const refused: NodeInfo[] = [];
    const statuses: Status[] = [];
    const own = this.#promisedNode(cycle, pod, snapshot);
    if (own !== undefined) {
      feasible.push(own);
      return { nodes: refused, statuses, absent: undefined };
    }
    const { nodeNames, namedBy } = cycle;
    const nodes =
      nodeNames === undefined ? snapshot.nodes : [...nodeNames].flatMap((name) => snapshot.get(name) ?? []);
    const count = nodes.length;
    const wanted = feasibleWanted(count, this.#percentage);
    const start = count === 0 ? 0 : this.#start % count;
    let looked = 0;
    for (; looked < count && feasible.length < wanted; looked++) {
      const at = start + looked;
      const node = nodes[at < count ? at : at - count]!;
      const status = this.fits(cycle, pod, node);
      if (status === undefined) feasible.push(node);
      else {
        refused.push(node);
        statuses.push(status);
      }
    }
    this.#start = start + looked;
    const absent = nodeNames === undefined ? undefined : notSatisfied(namedBy);
    return { nodes: refused, statuses, absent };
  }

  /** Whoever was promised a node takes it as soon as it fits. */
  #promisedNode(cycle: Cycle, pod: PodInfo, snapshot: Snapshot): NodeInfo | undefined {
    if (this.#nominated.size === 0) return undefined;
    const node = snapshot.get(this.#nominated.nodeOf(pod.uid) ?? "");
    if (node === undefined || cycle.nodeNames?.has(node.name) === false) return undefined;
    return this.fits(cycle, pod, node) === undefined ? node : undefined;
  }

  /** A random one of the best (reservoir sampling, as upstream). */
  #best(scores: Float64Array): number {
    let best = 0;
    let equals = 1;
    for (let i = 1; i < scores.length; i++) {
      if (scores[i]! > scores[best]!) {
        best = i;
        equals = 1;
      } else if (scores[i] === scores[best]) {
        equals++;
        if (this.#random() * equals < 1) best = i;
      }
    }
    return best;
  }

  #put(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    node.add(other);
    this.#framework.addPod(cycle, pod, other, node);
  }

  #take(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    node.remove(other.uid);
    this.#framework.removePod(cycle, pod, other, node);
  }
}

function notSatisfied(plugins: readonly string[]): Status {
  return unresolvable(plugins[0] ?? "", `node(s) didn't satisfy plugin(s) [${plugins.join(" ")}]`);
}

/** Upstream's adaptive `percentageOfNodesToScore`: 50 % of small clusters, 5 % of very large ones. */
export function feasibleWanted(nodes: number, percentage = 0): number {
  if (nodes < FEASIBLE_MIN) return nodes;
  const percent = percentage > 0 ? percentage : Math.max(PERCENT_MIN, 50 - Math.floor(nodes / 125));
  return Math.min(nodes, Math.max(FEASIBLE_MIN, Math.floor((nodes * percent) / 100)));
}
