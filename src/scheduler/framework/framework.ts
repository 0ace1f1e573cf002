/** Runs the plugins of each extension point in order, as upstream's framework runtime does. @module */
import { messageOf, quote, systemClock, type Clock } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { SchedulerMetrics } from "../metrics.ts";
import type { QueuedPod } from "../queue/queued-pod.ts";
import { always, codeOf, timed, timedLater, timedPlugin, type CycleTimer } from "./cycle-timer.ts";
import { isOfInterest, type ClusterEvent, type EventResource } from "./cluster-event.ts";
import type {
  Cycle,
  CycleState,
  PermitWait,
  Plugin,
  PostFilterResult,
  PreFilterResult,
  RefusedNodes,
  Snapshot,
} from "./plugin.ts";
import type { PluginsByPoint } from "./points.ts";
import { PluginError, unschedulable, type Status } from "./status.ts";
import { WaitingPod, type WaitingPods } from "./waiting-pods.ts";

/** How often plugins were asked, until they are counted by `takeEvaluations`. */
export type Evaluations = ReadonlyMap<string, number>;

export interface FrameworkOptions {
  /** Default `default-scheduler`. */
  readonly profileName?: string;
  readonly metrics?: SchedulerMetrics;
  readonly clock?: Clock;
}

export class Framework {
  /** The scheduler name of its profile. */
  readonly profileName: string;
  readonly #metrics: SchedulerMetrics | undefined;
  readonly #clock: Clock;
  readonly #points: PluginsByPoint;
  readonly #byName = new Map<string, Plugin>();
  /** `resource/action/changes` -> names of plugins. */
  readonly #concerned = new Map<string, readonly string[]>();
  /** `extension point/plugin` -> times. */
  readonly #evaluations = new Map<string, number>();
  /** Reused by every cycle, as large as the largest so far. */
  #totals = new Float64Array(0);
  #scores = new Float64Array(0);

  constructor(points: PluginsByPoint, options: FrameworkOptions = {}) {
    this.profileName = options.profileName ?? "default-scheduler";
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? systemClock;
    this.#points = points;
    for (const plugins of Object.values(points.plugins))
      for (const plugin of plugins) this.#byName.set(plugin.name, plugin);
  }

  get hasPostFilters(): boolean {
    return this.#points.plugins.postFilter.length > 0;
  }

  preEnqueue(pod: PodInfo): Status | undefined {
    for (const plugin of this.#points.plugins.preEnqueue) {
      const status = plugin.preEnqueue!(pod);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  /** Whether `a` is tried before `b`. */
  less(a: QueuedPod, b: QueuedPod): boolean {
    return this.#points.plugins.queueSort[0]!.less!(a, b);
  }

  /** A status refuses the pod on every node. */
  preFilter(pod: PodInfo, snapshot: Snapshot): Cycle | Status {
    const timer = this.#metrics?.cycleTimer(this.profileName);
    return timed(timer, "PreFilter", cycleCode, () => this.#preFilter(pod, snapshot, timer));
  }

  #preFilter(pod: PodInfo, snapshot: Snapshot, timer: CycleTimer | undefined): Cycle | Status {
    const state: CycleState = new Map();
    const skipped = new Set<Plugin>();
    const namedBy: string[] = [];
    let nodeNames: ReadonlySet<string> | undefined;
    for (const plugin of this.#points.plugins.preFilter) {
      const run = (): PreFilterResult | undefined => plugin.preFilter!(state, pod, snapshot);
      const result = timedPlugin(timer, "PreFilter", plugin.name, preFilterCode, run);
      if (result?.skip === true) {
        skipped.add(plugin);
        continue;
      }
      this.#count("PreFilter", plugin);
      if (result === undefined) continue;
      if (result.status !== undefined) return failing("PreFilter", result.status);
      if (result.nodeNames === undefined) continue;
      namedBy.push(plugin.name);
      nodeNames = nodeNames?.intersection(result.nodeNames) ?? result.nodeNames;
    }
    const all = this.#points.plugins.filter;
    const filters = skipped.size === 0 ? all : all.filter((plugin) => !skipped.has(plugin));
    for (const plugin of filters) this.#count("Filter", plugin);
    const isLocal = filters.every((plugin) => plugin.sign !== undefined);
    return { state, filters, nodeNames, namedBy: namedBy.toSorted(), isLocal, equals: undefined, timer };
  }

  filter({ state, filters }: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined {
    for (let i = 0; i < filters.length; i++) {
      const status = filters[i]!.filter!(state, pod, node);
      if (status === undefined) continue;
      return status.code === "Error" ? failing("Filter", status) : status;
    }
    return undefined;
  }

  /** Asks one plugin after another until one has done something or knows that nothing helps. */
  postFilter(
    cycle: Cycle | undefined,
    pod: PodInfo,
    refused: RefusedNodes,
    snapshot: Snapshot,
    signal: AbortSignal,
  ): PostFilterResult | Promise<PostFilterResult> {
    const timer = cycle?.timer;
    if (timer === undefined) return this.#postFilter(cycle, pod, refused, snapshot, signal);
    const startMs = timer.start();
    const done = (result: PostFilterResult): PostFilterResult => {
      timer.point("PostFilter", codeOf(result.status), startMs);
      return result;
    };
    const result = this.#postFilter(cycle, pod, refused, snapshot, signal);
    return result instanceof Promise ? result.then(done) : done(result);
  }

  #postFilter(
    cycle: Cycle | undefined,
    pod: PodInfo,
    refused: RefusedNodes,
    snapshot: Snapshot,
    signal: AbortSignal,
  ): PostFilterResult | Promise<PostFilterResult> {
    const timer = cycle?.timer;
    const plugins = this.#points.plugins.postFilter;
    const reasons: string[] = [];
    let nominatedNodeName: string | undefined;
    let rejector: string | undefined;
    const from = (first: number): PostFilterResult | Promise<PostFilterResult> => {
      for (let i = first; i < plugins.length; i++) {
        const plugin = plugins[i]!;
        const startMs = timer?.start() ?? 0;
        const result = plugin.postFilter!(cycle, pod, refused, snapshot, signal);
        if (result instanceof Promise)
          return result.then((later) => take(plugin, later, startMs) ?? from(i + 1));
        const final = take(plugin, result, startMs);
        if (final !== undefined) return final;
      }
      return { status: unschedulable(rejector ?? "", ...reasons), nominatedNodeName };
    };
    const take = (
      plugin: Plugin,
      result: PostFilterResult,
      startMs: number,
    ): PostFilterResult | undefined => {
      const { status } = result;
      timer?.plugin("PostFilter", plugin.name, codeOf(status), startMs);
      if (status === undefined || status.code !== "Unschedulable") return result;
      nominatedNodeName = result.nominatedNodeName ?? nominatedNodeName;
      reasons.push(...status.reasons);
      rejector ??= plugin.name;
      return undefined;
    };
    return from(0);
  }

  /** Weighted sums, in the order of `nodes`; valid until the next call. */
  score(cycle: Cycle, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Float64Array {
    const { timer } = cycle;
    const skipped = timed(timer, "PreScore", SUCCESS, () => this.#preScore(cycle, pod, nodes, snapshot));
    return timed(timer, "Score", SUCCESS, () => this.#score(cycle, pod, nodes, skipped));
  }

  /** Gives the plugins that do not score this pod. */
  #preScore(
    { state, timer }: Cycle,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    snapshot: Snapshot,
  ): ReadonlySet<Plugin> {
    const skipped = new Set<Plugin>();
    for (const plugin of this.#points.plugins.preScore) {
      const run = (): "skip" | undefined => plugin.preScore!(state, pod, nodes, snapshot);
      if (timedPlugin(timer, "PreScore", plugin.name, skipCode, run) === "skip") skipped.add(plugin);
      else this.#count("PreScore", plugin);
    }
    return skipped;
  }

  #score(
    { state, timer }: Cycle,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    skipped: ReadonlySet<Plugin>,
  ): Float64Array {
    if (this.#totals.length < nodes.length) {
      this.#totals = new Float64Array(nodes.length);
      this.#scores = new Float64Array(nodes.length);
    }
    const totals = this.#totals.subarray(0, nodes.length).fill(0);
    const scores = this.#scores.subarray(0, nodes.length);
    for (const plugin of this.#points.plugins.score) {
      if (skipped.has(plugin)) continue;
      this.#count("Score", plugin);
      const weight = this.#points.weights.get(plugin.name) ?? 1;
      const startMs = timer?.start() ?? 0;
      for (let i = 0; i < nodes.length; i++) scores[i] = plugin.score!(state, pod, nodes[i]!);
      timer?.plugin("Score", plugin.name, "Success", startMs);
      plugin.normalizeScore?.(state, scores);
      for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * weight;
    }
    return totals;
  }

  /** Undone by `unreserve` on refusal. */
  reserve({ state, timer }: Cycle, pod: PodInfo, nodeName: string, snapshot: Snapshot): Status | undefined {
    return timed(timer, "Reserve", codeOf, () => {
      for (const plugin of this.#points.plugins.reserve) {
        const run = (): Status | undefined => plugin.reserve?.(state, pod, nodeName, snapshot);
        const status = timedPlugin(timer, "Reserve", plugin.name, codeOf, run);
        if (status !== undefined) return failing("Reserve", status);
      }
      return undefined;
    });
  }

  /**
   * Every plugin is told, in reverse, whether it reserved or not: Unreserve is idempotent by contract. Throws in the end if
   * any of them threw.
   */
  unreserve({ state, timer }: Cycle, pod: PodInfo, nodeName: string): void {
    timed(timer, "Unreserve", SUCCESS, () =>
      tellAll("Unreserve", this.#points.plugins.reserve.toReversed(), (plugin) =>
        timedPlugin(timer, "Unreserve", plugin.name, SUCCESS, () => plugin.unreserve?.(state, pod, nodeName)),
      ),
    );
  }

  /** A status refuses the pod; a waiting pod is to be waited for before PreBind. */
  permit(cycle: Cycle, pod: PodInfo, nodeName: string): Status | WaitingPod | undefined {
    return timed(cycle.timer, "Permit", permitCode, () => this.#permit(cycle, pod, nodeName));
  }

  #permit({ state, timer }: Cycle, pod: PodInfo, nodeName: string): Status | WaitingPod | undefined {
    const waits = new Map<string, number>();
    for (const plugin of this.#points.plugins.permit) {
      const run = (): Status | PermitWait | undefined => plugin.permit!(state, pod, nodeName);
      const answer = timedPlugin(timer, "Permit", plugin.name, codeOf, run);
      if (answer === undefined) continue;
      if (answer.code !== "Wait") return failing("Permit", answer);
      waits.set(plugin.name, answer.timeoutMs);
    }
    return waits.size === 0 ? undefined : new WaitingPod(pod, nodeName, waits, this.#clock);
  }

  /** Until all Permit plugins have said what becomes of it. */
  async waitOnPermit(waiting: WaitingPod, all: WaitingPods): Promise<Status | undefined> {
    all.add(waiting);
    const startMs = this.#clock.monotonicMs();
    try {
      const status = await waiting.settled();
      this.#metrics?.permitWait(status?.code ?? "Success", this.#clock.monotonicMs() - startMs);
      if (status?.code !== "Error") return status;
      throw new PluginError("Permit", `waiting on permit for pod: ${status.reasons.join(", ")}`);
    } finally {
      all.remove(waiting.pod.uid);
    }
  }

  /** Whether any PreBind plugin has something to do. */
  hasPreBindWork({ state, timer }: Cycle, pod: PodInfo, nodeName: string): boolean {
    return timed(timer, "PreBindPreFlight", workCode, () =>
      this.#points.plugins.preBind.some(
        (plugin) => plugin.preBindPreFlight?.(state, pod, nodeName) !== "skip",
      ),
    );
  }

  /** A status refuses the pod. Throws `PluginError` when a plugin fails. */
  preBind(
    { state, timer }: Cycle,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined> {
    return timedLater(timer, "PreBind", codeOf, () => this.#preBind(state, pod, nodeName, signal));
  }

  async #preBind(
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined> {
    for (const plugin of this.#points.plugins.preBind) {
      if (plugin.preBindPreFlight?.(state, pod, nodeName) === "skip") continue;
      const status = await this.#running("PreBind", plugin, () =>
        plugin.preBind!(state, pod, nodeName, signal),
      );
      if (status !== undefined) return failing("PreBind", status);
    }
    return undefined;
  }

  /** Bind by the first plugin that does not skip. Throws `PluginError` when it fails. */
  bind({ state, timer }: Cycle, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    return timedLater(timer, "Bind", SUCCESS, () => this.#bind(state, pod, nodeName, signal));
  }

  async #bind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    for (const plugin of this.#points.plugins.bind) {
      const answer = await this.#running("Bind", plugin, () => plugin.bind!(state, pod, nodeName, signal));
      if (answer !== "skip") return;
    }
    throw new PluginError("Bind", "binding rejected: plugin skipped");
  }

  /** Every plugin is told. Throws in the end if any of them threw. */
  postBind({ state, timer }: Cycle, pod: PodInfo, nodeName: string): void {
    timed(timer, "PostBind", SUCCESS, () =>
      tellAll("PostBind", this.#points.plugins.postBind, (plugin) =>
        timedPlugin(timer, "PostBind", plugin.name, SUCCESS, () => plugin.postBind!(state, pod, nodeName)),
      ),
    );
  }

  addPod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.addPod?.(state, pod, other, node);
  }

  removePod({ state, filters }: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    for (const plugin of filters) plugin.removePod?.(state, pod, other, node);
  }

  isOfInterest(resource: EventResource): boolean {
    return this.#byName
      .values()
      .some(
        (plugin) =>
          plugin.queueingHint !== undefined &&
          (plugin.eventsToRegister === undefined ||
            plugin.eventsToRegister.some((interest) => interest.resource === resource)),
      );
  }

  /** The plugins that such events concern. */
  concerned(event: ClusterEvent): readonly string[] {
    const key = `${event.resource}/${event.action}/${event.changes?.join() ?? ""}`;
    let names = this.#concerned.get(key);
    if (names === undefined) {
      names = [...this.#byName.values()]
        .filter((plugin) => isConcerned(plugin, event))
        .map(({ name }) => name);
      this.#concerned.set(key, names);
    }
    return names;
  }

  /** Whether the event may help a pod that this plugin refused. */
  mayHelp(event: ClusterEvent, pod: PodInfo, name: string): boolean {
    return this.#byName.get(name)?.queueingHint?.(event, pod) === true;
  }

  /** How often plugins were asked since the last call, by `extension point/plugin`. */
  takeEvaluations(): Evaluations {
    const taken = new Map(this.#evaluations);
    this.#evaluations.clear();
    return taken;
  }

  async #running<T>(point: string, { name }: Plugin, run: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    let status = "Error";
    try {
      const answer = await run();
      status = "Success";
      return answer;
    } catch (cause) {
      const why = messageOf(cause);
      const head = point === "Bind" ? "binding rejected: " : "";
      throw new PluginError(point, `${head}running ${point} plugin ${quote(name)}: ${why}`, cause);
    } finally {
      this.#metrics?.plugin(point, name, status, this.#clock.monotonicMs() - startMs);
    }
  }

  #count(point: string, { name }: Plugin): void {
    const key = `${point}/${name}`;
    this.#evaluations.set(key, (this.#evaluations.get(key) ?? 0) + 1);
  }
}

/** One plugin's failure keeps nothing from the others. */
function tellAll(point: string, plugins: readonly Plugin[], tell: (plugin: Plugin) => void): void {
  const failures: unknown[] = [];
  for (const plugin of plugins) {
    try {
      tell(plugin);
    } catch (err) {
      failures.push(err);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} plugins failed in ${point}`);
}

const SUCCESS = always("Success");

function cycleCode(answer: Cycle | Status): string {
  return "code" in answer ? answer.code : "Success";
}

function preFilterCode(result: PreFilterResult | undefined): string {
  return result?.skip === true ? "Skip" : codeOf(result?.status);
}

function skipCode(answer: "skip" | undefined): string {
  return answer === "skip" ? "Skip" : "Success";
}

function workCode(hasWork: boolean): string {
  return hasWork ? "Success" : "Skip";
}

function permitCode(answer: Status | WaitingPod | undefined): string {
  return answer instanceof WaitingPod ? "Wait" : codeOf(answer);
}

function isConcerned(plugin: Plugin, event: ClusterEvent): boolean {
  const { eventsToRegister } = plugin;
  if (plugin.queueingHint === undefined) return false;
  return eventsToRegister === undefined || eventsToRegister.some((interest) => isOfInterest(interest, event));
}

/** The status, unless it is an error of the plugin. */
function failing(point: string, status: Status): Status {
  if (status.code !== "Error") return status;
  const why = status.reasons.join(", ");
  throw new PluginError(point, `running ${point} plugin ${quote(status.plugin)}: ${why}`);
}
