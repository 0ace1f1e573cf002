/** Runs the plugins of each extension point in order, as upstream's framework runtime does. @module */
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { ClusterEvent, CycleState, Plugin, Snapshot } from "./plugin.ts";
import type { Status } from "./status.ts";

export interface WeightedPlugin {
  readonly plugin: Plugin;
  /** 0 for plugins that do not score. */
  readonly weight: number;
}

/** The plugins that take part in this pod's cycle. */
export interface Cycle {
  readonly state: CycleState;
  readonly filters: readonly Plugin[];
  /** undefined: any node. */
  readonly nodeNames: ReadonlySet<string> | undefined;
}

export class Framework {
  readonly #plugins: readonly WeightedPlugin[];

  constructor(plugins: readonly WeightedPlugin[]) {
    this.#plugins = plugins;
  }

  preEnqueue(pod: PodInfo): Status | undefined {
    for (const { plugin } of this.#plugins) {
      const status = plugin.preEnqueue?.(pod);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  /** A status refuses the pod on every node. */
  preFilter(pod: PodInfo, snapshot: Snapshot): Cycle | Status {
    const state: CycleState = new Map();
    const filters: Plugin[] = [];
    let nodeNames: ReadonlySet<string> | undefined;
    for (const { plugin } of this.#plugins) {
      const result = plugin.preFilter?.(state, pod, snapshot);
      if (result?.status !== undefined) return result.status;
      if (result?.nodeNames !== undefined)
        nodeNames = nodeNames?.intersection(result.nodeNames) ?? result.nodeNames;
      if (plugin.filter !== undefined && result?.skip !== true) filters.push(plugin);
    }
    return { state, filters, nodeNames };
  }

  filter({ state, filters }: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    for (const plugin of filters) {
      const status = plugin.filter!(state, pod, node);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  /** Weighted sums, in the order of `nodes`. */
  score({ state }: Cycle, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Float64Array {
    const totals = new Float64Array(nodes.length);
    const scores = new Float64Array(nodes.length);
    for (const { plugin, weight } of this.#plugins) {
      if (weight === 0 || plugin.score === undefined) continue;
      if (plugin.preScore?.(state, pod, nodes, snapshot) === "skip") continue;
      for (let i = 0; i < nodes.length; i++) scores[i] = plugin.score(state, pod, nodes[i]!);
      plugin.normalizeScore?.(state, scores);
      for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * weight;
    }
    return totals;
  }

  /** Undone by `unreserve` on refusal. */
  reserve(cycle: Cycle, pod: PodInfo, nodeName: string): Status | undefined {
    for (const { plugin } of this.#plugins) {
      const status = plugin.reserve?.(cycle.state, pod, nodeName);
      if (status === undefined) continue;
      this.unreserve(cycle, pod, nodeName);
      return status;
    }
    return undefined;
  }

  /** Every plugin is told, in reverse, whether it reserved or not: Unreserve is idempotent by contract. */
  unreserve({ state }: Cycle, pod: PodInfo, nodeName: string): void {
    for (const { plugin } of this.#plugins.toReversed()) plugin.unreserve?.(state, pod, nodeName);
  }

  /** Permit, PreBind, Bind, PostBind. Rejects when binding fails; resolves with a status when a plugin refuses. */
  async bind(cycle: Cycle, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status | undefined> {
    for (const point of ["permit", "preBind"] as const) {
      for (const { plugin } of this.#plugins) {
        const status = await plugin[point]?.(cycle.state, pod, nodeName, signal);
        if (status !== undefined) return status;
      }
    }
    const binder = this.#plugins.find(({ plugin }) => plugin.bind !== undefined);
    await binder?.plugin.bind!(cycle.state, pod, nodeName, signal);
    for (const { plugin } of this.#plugins) plugin.postBind?.(cycle.state, pod, nodeName);
    return undefined;
  }

  addPod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.addPod?.(state, pod, other, node);
  }

  removePod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.removePod?.(state, pod, other, node);
  }

  /** Whether the event may help a pod that these plugins refused. */
  mayHelp(event: ClusterEvent, pod: PodInfo, refusedBy: ReadonlySet<string>): boolean {
    if (refusedBy.size === 0) return true; // nobody knows why: try
    return this.#plugins.some(
      ({ plugin }) => refusedBy.has(plugin.name) && plugin.queueingHint?.(event, pod) === true,
    );
  }
}
