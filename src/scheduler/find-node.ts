/** One scheduling cycle: filter, then score, then choose. Synchronous and without I/O, unless an extender is asked. @module */
import type { NodeInfo } from "./cache/node-info.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import { EqualPodsTable, type EqualPods } from "./equal-pods.ts";
import { askToFilter, askToPrioritize } from "./extender/ask-extenders.ts";
import type { Extender } from "./extender/extender.ts";
import { always, timed } from "./framework/cycle-timer.ts";
import type { Framework } from "./framework/framework.ts";
import type { Cycle, RefusedNodes, Snapshot } from "./framework/plugin.ts";
import { PluginError, unresolvable, type Status } from "./framework/status.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";

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
  readonly extenders?: readonly Extender[];
}

export class NodeFinder {
  readonly #framework: Framework;
  readonly #nominated: NominatedPods;
  readonly #random: () => number;
  readonly #percentage: number;
  readonly #metrics: SchedulerMetrics | undefined;
  readonly #extenders: readonly Extender[];
  readonly #equals: EqualPodsTable;
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
    this.#extenders = options.extenders ?? [];
    this.#equals = new EqualPodsTable(() => this.#metrics?.flushed(framework.profileName));
  }

  /** Throws, or rejects, when a plugin or an extender fails. */
  find(pod: PodInfo, snapshot: Snapshot): Found | Promise<Found> {
    const cycle = this.#framework.preFilter(pod, snapshot);
    if ("code" in cycle) {
      const refused = { nodes: [], statuses: [], absent: cycle };
      return { kind: "unschedulable", cycle: undefined, refused, refusal: cycle };
    }
    const feasible: NodeInfo[] = [];
    const refused = timed(cycle.timer, "Filter", always("Success"), () =>
      this.#scan(cycle, pod, snapshot, feasible),
    );
    if (feasible.length === 0) return { kind: "unschedulable", cycle, refused, refusal: undefined };
    const extenders = this.#extenders.filter((extender) => extender.isInterested(pod.pod));
    if (extenders.some(({ isFilter, isPrioritizer }) => isFilter || isPrioritizer))
      return this.#findWithExtenders(extenders, cycle, pod, snapshot, feasible, refused);
    if (feasible.length === 1) return { kind: "node", node: feasible[0]!, cycle };
    const scores = this.#framework.score(cycle, pod, feasible, snapshot);
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

  /** As if `other` were on the node. */
  put(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    if (cycle.isLocal) return node.tryAdd(other);
    node.add(other);
    this.#framework.addPod(cycle, pod, other, node);
  }

  /** As if `other` were gone from the node. */
  take(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    if (cycle.isLocal) return node.tryRemove(other);
    node.remove(other.uid);
    this.#framework.removePod(cycle, pod, other, node);
  }

  #fitsPromised(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    const all = this.#nominated.on(node.name);
    if (all.length === 0) return undefined;
    const promised = all.filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
    if (promised.length === 0) return undefined;
    for (const other of promised) this.put(cycle, pod, other, node);
    const status = this.#framework.filter(cycle, pod, node);
    for (const other of promised) this.take(cycle, pod, other, node);
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
    const answer = this.#answering(cycle, pod);
    let looked = 0;
    for (; looked < count && feasible.length < wanted; looked++) {
      const at = start + looked;
      const node = nodes[at < count ? at : at - count]!;
      const status = answer(node);
      if (status === undefined) feasible.push(node);
      else {
        refused.push(node);
        statuses.push(status);
      }
    }
    this.#start = start + looked;
    if (feasible.length === 0 && cycle.equals === undefined) {
      const store = (): void => this.#remember(cycle, pod, refused, statuses);
      if (this.#metrics === undefined) store();
      else this.#metrics.stored(this.#framework.profileName, store);
    }
    const absent = nodeNames === undefined ? undefined : notSatisfied(namedBy);
    return { nodes: refused, statuses, absent };
  }

  /** Asks the plugins, or knows from a pod that was equal. */
  #answering(cycle: Cycle, pod: PodInfo): (node: NodeInfo) => Status | undefined {
    const find = (): EqualPods | undefined => this.#equals.of(cycle, pod);
    const equals =
      this.#metrics === undefined ? find() : this.#metrics.hinted(this.#framework.profileName, find);
    cycle.equals = equals;
    if (equals === undefined) return (node) => this.fits(cycle, pod, node);
    const promisedName = this.#nominated.nodeOf(pod.uid); // there its own promise counts for others only
    return (node) => {
      if (equals.fits.isKnown(node) && node.name !== promisedName) return equals.fits.get(node);
      const status = this.fits(cycle, pod, node);
      if (node.name !== promisedName) equals.fits.set(node, status);
      return status;
    };
  }

  #remember(cycle: Cycle, pod: PodInfo, nodes: readonly NodeInfo[], statuses: readonly Status[]): void {
    const equals = this.#equals.remember(cycle, pod);
    cycle.equals = equals;
    if (equals === undefined) return;
    const promisedName = this.#nominated.nodeOf(pod.uid);
    for (const [i, node] of nodes.entries())
      if (node.name !== promisedName) equals.fits.set(node, statuses[i]);
  }

  /** Whoever was promised a node takes it as soon as it fits. */
  #promisedNode(cycle: Cycle, pod: PodInfo, snapshot: Snapshot): NodeInfo | undefined {
    if (this.#nominated.size === 0) return undefined;
    const node = snapshot.get(this.#nominated.nodeOf(pod.uid) ?? "");
    if (node === undefined || cycle.nodeNames?.has(node.name) === false) return undefined;
    return this.fits(cycle, pod, node) === undefined ? node : undefined;
  }

  async #findWithExtenders(
    extenders: readonly Extender[],
    cycle: Cycle,
    pod: PodInfo,
    snapshot: Snapshot,
    feasible: readonly NodeInfo[],
    refused: RefusedNodes,
  ): Promise<Found> {
    const left = await askToFilter(extenders, pod, feasible, refused);
    if (left.feasible.length === 0)
      return { kind: "unschedulable", cycle, refused: left.refused, refusal: undefined };
    let best = 0;
    if (left.feasible.length > 1) {
      const scores = await askToPrioritize(extenders, pod, left.feasible);
      const own = this.#framework.score(cycle, pod, left.feasible, snapshot);
      best = this.#best(own.map((score, i) => score + scores[i]!));
    }
    const node = left.feasible[best]!;
    // the cluster went on while the extenders were asked
    const now = this.#framework.preFilter(pod, snapshot);
    const status = "code" in now ? now : snapshot.get(node.name) === node && this.fits(now, pod, node);
    if ("code" in now || status !== undefined)
      throw new PluginError("Filter", `node ${node.name} does not fit any more after extenders were asked`);
    return { kind: "node", node, cycle: now };
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
