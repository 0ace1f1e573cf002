/** One scheduling cycle: filter, then score, then choose. Synchronous and without I/O. @module */
import type { NodeInfo } from "./cache/node-info.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { Cycle, Framework } from "./framework/framework.ts";
import type { Snapshot } from "./framework/plugin.ts";
import type { Status } from "./framework/status.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";

export type Found =
  | { readonly kind: "node"; readonly node: NodeInfo; readonly cycle: Cycle }
  | {
      readonly kind: "unschedulable";
      /** undefined: refused before any node was looked at. */
      readonly cycle: Cycle | undefined;
      readonly statuses: ReadonlyMap<string, Status>;
      readonly refusal: Status | undefined;
    };

/** Below this many feasible nodes every node is looked at. */
const FEASIBLE_MIN = 100;
const PERCENT_MIN = 5;

export class NodeFinder {
  readonly #framework: Framework;
  readonly #nominated: NominatedPods;
  readonly #random: () => number;
  /** Scans begin where the last one ended, so that all nodes get their turn. */
  #start = 0;

  constructor(framework: Framework, nominated: NominatedPods, random: () => number) {
    this.#framework = framework;
    this.#nominated = nominated;
    this.#random = random;
  }

  find(pod: PodInfo, snapshot: Snapshot): Found {
    const cycle = this.#framework.preFilter(pod, snapshot);
    if ("code" in cycle)
      return { kind: "unschedulable", cycle: undefined, statuses: new Map(), refusal: cycle };
    const { feasible, statuses } = this.#feasibleNodes(cycle, pod, snapshot);
    if (feasible.length === 0) return { kind: "unschedulable", cycle, statuses, refusal: undefined };
    if (feasible.length === 1) return { kind: "node", node: feasible[0]!, cycle };
    const scores = this.#framework.score(cycle, pod, feasible, snapshot);
    return { kind: "node", node: feasible[this.#best(scores)]!, cycle };
  }

  /** Whether the pod fits, once as if the pods promised to this node were here, once without them. */
  fits(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    const promised = this.#nominated
      .on(node.name)
      .filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
    if (promised.length > 0) {
      for (const other of promised) this.#put(cycle, pod, other, node);
      const status = this.#framework.filter(cycle, pod, node);
      for (const other of promised) this.#take(cycle, pod, other, node);
      if (status !== undefined) return status;
    }
    return this.#framework.filter(cycle, pod, node);
  }

  #feasibleNodes(
    cycle: Cycle,
    pod: PodInfo,
    snapshot: Snapshot,
  ): { readonly feasible: readonly NodeInfo[]; readonly statuses: ReadonlyMap<string, Status> } {
    const statuses = new Map<string, Status>();
    const feasible: NodeInfo[] = [];
    const { nodeNames } = cycle;
    const nodes =
      nodeNames === undefined ? snapshot.nodes : [...nodeNames].flatMap((name) => snapshot.get(name) ?? []);
    const wanted = feasibleWanted(nodes.length);
    let looked = 0;
    for (; looked < nodes.length && feasible.length < wanted; looked++) {
      const node = nodes[(this.#start + looked) % nodes.length]!;
      const status = this.fits(cycle, pod, node);
      if (status === undefined) feasible.push(node);
      else statuses.set(node.name, status);
    }
    if (nodes.length > 0) this.#start = (this.#start + looked) % nodes.length;
    return { feasible, statuses };
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

/** Upstream's adaptive `percentageOfNodesToScore`: 50 % of small clusters, 5 % of very large ones. */
export function feasibleWanted(nodes: number): number {
  if (nodes < FEASIBLE_MIN) return nodes;
  const percent = Math.max(PERCENT_MIN, 50 - Math.floor(nodes / 125));
  return Math.max(FEASIBLE_MIN, Math.floor((nodes * percent) / 100));
}
