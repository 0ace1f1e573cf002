/** Runs the plugins of each extension point in order, as upstream's framework runtime does. @module */
import { quote } from "#apimachinery";
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
  /** The plugins that gave `nodeNames`, by name. */
  readonly namedBy: readonly string[];
}

/** A plugin threw or rejected: not the pod's fault, so it is tried again after a back-off. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly point: ExtensionPoint;

  constructor(point: ExtensionPoint, message: string, cause: unknown) {
    super(message, { cause });
    this.point = point;
  }
}

type ExtensionPoint = "permit" | "preBind" | "bind";

const POINTS: Readonly<Record<ExtensionPoint, string>> = {
  permit: "Permit",
  preBind: "PreBind",
  bind: "Bind",
};

export class Framework {
  readonly #plugins: readonly WeightedPlugin[];
  readonly #filters: readonly Plugin[];
  readonly #scorers: readonly WeightedPlugin[];
  readonly #byName: ReadonlyMap<string, Plugin>;
  /** `resource/action` -> names of plugins. */
  readonly #concerned = new Map<string, readonly string[]>();
  /** Reused by every cycle, as large as the largest so far. */
  #totals = new Float64Array(0);
  #scores = new Float64Array(0);

  constructor(plugins: readonly WeightedPlugin[]) {
    this.#plugins = plugins;
    this.#byName = new Map(plugins.map(({ plugin }) => [plugin.name, plugin]));
    this.#filters = plugins.map(({ plugin }) => plugin).filter((plugin) => plugin.filter !== undefined);
    this.#scorers = plugins.filter(({ plugin, weight }) => weight > 0 && plugin.score !== undefined);
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
    const skipped = new Set<Plugin>();
    const namedBy: string[] = [];
    let nodeNames: ReadonlySet<string> | undefined;
    for (const { plugin } of this.#plugins) {
      const result = plugin.preFilter?.(state, pod, snapshot);
      if (result === undefined) continue;
      if (result.status !== undefined) return result.status;
      if (result.skip === true) skipped.add(plugin);
      if (result.nodeNames === undefined) continue;
      namedBy.push(plugin.name);
      nodeNames = nodeNames?.intersection(result.nodeNames) ?? result.nodeNames;
    }
    const filters = this.#filters.filter((plugin) => !skipped.has(plugin));
    return { state, filters, nodeNames, namedBy: namedBy.toSorted() };
  }

  filter({ state, filters }: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    for (let i = 0; i < filters.length; i++) {
      const status = filters[i]!.filter!(state, pod, node);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  /** Weighted sums, in the order of `nodes`; valid until the next call. */
  score({ state }: Cycle, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Float64Array {
    if (this.#totals.length < nodes.length) {
      this.#totals = new Float64Array(nodes.length);
      this.#scores = new Float64Array(nodes.length);
    }
    const totals = this.#totals.subarray(0, nodes.length).fill(0);
    const scores = this.#scores.subarray(0, nodes.length);
    for (const { plugin, weight } of this.#scorers) {
      if (plugin.preScore?.(state, pod, nodes, snapshot) === "skip") continue;
      for (let i = 0; i < nodes.length; i++) scores[i] = plugin.score!(state, pod, nodes[i]!);
      plugin.normalizeScore?.(state, scores);
      for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * weight;
    }
    return totals;
  }

  /** Undone by `unreserve` on refusal. */
  reserve(cycle: Cycle, pod: PodInfo, nodeName: string, snapshot: Snapshot): Status | undefined {
    for (const { plugin } of this.#plugins) {
      const status = plugin.reserve?.(cycle.state, pod, nodeName, snapshot);
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

  /** Permit, then PreBind. A status refuses the pod. Throws `PluginError` when one fails. */
  async prepare(
    cycle: Cycle,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined> {
    for (const point of ["permit", "preBind"] as const) {
      for (const { plugin } of this.#plugins) {
        if (plugin[point] === undefined) continue;
        const status = await this.#run(point, plugin, () =>
          plugin[point]!(cycle.state, pod, nodeName, signal),
        );
        if (status !== undefined) return status;
      }
    }
    return undefined;
  }

  /** Bind by the first plugin that binds, then PostBind. Throws `PluginError` when it fails. */
  async bind(cycle: Cycle, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    const binder = this.#plugins.find(({ plugin }) => plugin.bind !== undefined)?.plugin;
    if (binder !== undefined)
      await this.#run("bind", binder, () => binder.bind!(cycle.state, pod, nodeName, signal));
    for (const { plugin } of this.#plugins) plugin.postBind?.(cycle.state, pod, nodeName);
  }

  async #run<T>(point: ExtensionPoint, { name }: Plugin, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const head = point === "bind" ? "binding rejected: " : "";
      throw new PluginError(point, `${head}running ${POINTS[point]} plugin ${quote(name)}: ${why}`, cause);
    }
  }

  addPod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.addPod?.(state, pod, other, node);
  }

  removePod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.removePod?.(state, pod, other, node);
  }

  /** The plugins that such events concern. */
  concerned({ resource, action }: ClusterEvent): readonly string[] {
    const key = `${resource}/${action}`;
    let names = this.#concerned.get(key);
    if (names === undefined) {
      names = this.#plugins
        .filter(({ plugin }) => isConcerned(plugin, resource, action))
        .map(({ plugin }) => plugin.name);
      this.#concerned.set(key, names);
    }
    return names;
  }

  /** Whether the event may help a pod that this plugin refused. */
  mayHelp(event: ClusterEvent, pod: PodInfo, name: string): boolean {
    return this.#byName.get(name)?.queueingHint?.(event, pod) === true;
  }
}

function isConcerned(
  plugin: Plugin,
  resource: ClusterEvent["resource"],
  action: ClusterEvent["action"],
): boolean {
  if (plugin.queueingHint === undefined) return false;
  const { eventsToRegister } = plugin;
  return (
    eventsToRegister === undefined ||
    eventsToRegister.some((interest) => interest.resource === resource && interest.actions.includes(action))
  );
}
