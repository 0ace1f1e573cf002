/** Keeps the node from running short: first it throws away what nobody uses, then it ends one pod at a time. @module */
import { type Clock, formatTime, type Logger, pause } from "#apimachinery";
import type { EventRecorder } from "#client";
import { toleratesAll } from "#api/core/v1/tolerations";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { formatPod, isCriticalPod, specOf, uidOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import type { Rejection } from "../lifecycle/admit.ts";
import type { NodePlatform } from "../platform/platform.ts";
import type { KillOptions } from "../pod-workers/pod-worker.ts";
import type { StatsSummary } from "../server/stats-summary.ts";
import type { FsStats, RuntimeFsStats } from "../stats/fs-stats.ts";
import { limitsLocalStorage, localStorageExcess } from "./local-storage.ts";
import { conditionMessage, evictionMessage } from "./messages.ts";
import { observe } from "./observe.ts";
import { NO_PRESSURE, type Observations, planPressure, thresholdsMet } from "./plan-pressure.ts";
import { rankPods, type StatsOf } from "./rank.ts";
import { reclaimsOf } from "./reclaim.ts";
import {
  type EvictionConfig,
  type FsLayout,
  parseThresholds,
  type PressureCondition,
  SIGNALS,
  type Threshold,
  withContainerFs,
} from "./thresholds.ts";

export interface EvictionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly platform: Pick<NodePlatform, "usage" | "cgroups">;
  readonly config: EvictionConfig;
  readonly fs: Pick<FsStats, "ofRuntime">;
  /** With what lies on the disk. */
  readonly summary: (signal: AbortSignal) => Promise<StatsSummary>;
  readonly node: () => Node | undefined;
  readonly activePods: () => readonly Pod[];
  readonly terminate: (uid: string, options: KillOptions) => void;
  /** Nothing of the pod is left that holds resources. */
  readonly isGone: (uid: string) => boolean;
  readonly deleteUnusedContainers: (signal: AbortSignal) => Promise<void>;
  readonly deleteUnusedImages: (signal: AbortSignal) => Promise<void>;
  readonly onConditions: () => void;
  readonly onEviction: (signal: string) => void;
  /** Pods were ranked by what was measured so long ago. */
  readonly onRanking: (signal: string, ageSeconds: number) => void;
}

const REASON = "Evicted";
const IMMEDIATE_GRACE_SECONDS = 1;
const CLEANUP_POLL_MS = 1000;
const CLEANUP_TIMEOUT_MS = 30_000;
const DEFAULTS = { transitionMs: 300_000, monitoringMs: 10_000 };
const SINGLE_FS: FsLayout = { dedicatedImageFs: false, splitContainerFs: false };

export class EvictionManager {
  readonly #options: EvictionOptions;
  readonly #thresholds: readonly Threshold[];
  #state = NO_PRESSURE;
  #conditions: readonly PressureCondition[] = [];

  /** Throws when the configuration means nothing. */
  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#thresholds = parseThresholds(options.config);
  }

  /** What the node says that it lacks. */
  get conditions(): readonly PressureCondition[] {
    return this.#conditions;
  }

  /** Why the node does not take the pod now. */
  admit(pod: Pod): Rejection | undefined {
    const conditions = this.#conditions;
    if (conditions.length === 0 || isCriticalPod(pod)) return undefined;
    if (conditions.length === 1 && conditions[0] === "MemoryPressure") {
      const taint = { key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule" } as const;
      if (qosClassOf(pod) !== "BestEffort" || toleratesAll(specOf(pod).tolerations ?? [], [taint]))
        return undefined;
    }
    return { reason: REASON, message: `Pod was rejected: ${conditionMessage(conditions)}` };
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, config } = this.#options;
    const intervalMs = config.monitoringIntervalMs ?? DEFAULTS.monitoringMs;
    while (!signal.aborted) {
      let evicted: readonly Pod[] = [];
      try {
        evicted = await this.synchronize(signal);
      } catch (err) {
        if (signal.aborted) return;
        logger.warn("Looking at the node's resources failed", { err });
      }
      if (evicted.length > 0) await this.#waitGone(evicted, signal);
      else await pause(clock, intervalMs, signal);
    }
  }

  /** One look. Resolves to the pods that were told to end. */
  async synchronize(signal: AbortSignal): Promise<readonly Pod[]> {
    const { activePods, clock, config, onConditions } = this.#options;
    const { observations, layout } = await this.#observe(signal);
    const thresholds = withContainerFs(this.#thresholds, layout);
    const transitionMs = config.pressureTransitionPeriodMs ?? DEFAULTS.transitionMs;
    const { state, conditions, starved } = planPressure(
      this.#state,
      thresholds,
      observations,
      clock.now(),
      transitionMs,
    );
    this.#state = state;
    const changed = conditions.toSorted().join() !== [...this.#conditions].toSorted().join();
    this.#conditions = conditions;
    if (changed) onConditions();

    const pods = activePods();
    const limited = pods.filter(limitsLocalStorage);
    if (limited.length > 0) {
      const evicted = this.#evictByLimits(limited, await this.#stats(signal), layout);
      if (evicted.length > 0) return evicted;
    }
    const first = starved[0];
    return first === undefined
      ? []
      : this.#reclaim(first, starved, { observations, layout, thresholds, pods }, signal);
  }

  async #reclaim(
    first: Threshold,
    starved: readonly Threshold[],
    seen: Seen,
    signal: AbortSignal,
  ): Promise<readonly Pod[]> {
    const { clock, recorder, logger, node, onRanking } = this.#options;
    const { resource } = SIGNALS[first.signal];
    const reference = node();
    if (reference !== undefined)
      recorder.event(reference, "Warning", "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
    logger.info("The node runs short", { resource, signal: first.signal });
    if (await this.#reclaimNodeLevel(first, seen, signal)) return [];
    const statsOf = await this.#stats(signal);
    for (const { signal: met } of starved) {
      const time = seen.observations[met]?.time;
      if (time !== undefined) onRanking(met, (clock.now() - time) / 1000);
    }
    for (const pod of rankPods(first.signal, seen.pods, statsOf, seen.layout)) {
      const { message, annotations } = evictionMessage(
        resource,
        pod,
        statsOf(pod),
        starved,
        seen.observations,
      );
      const grace = first.gracePeriodMs === 0 ? IMMEDIATE_GRACE_SECONDS : this.#softGrace(pod);
      const options = { message, annotations, grace, isDisruption: true, signal: first.signal };
      if (this.#evict(pod, options)) return [pod];
    }
    logger.warn("No pod could be evicted", { resource });
    return [];
  }

  /** Whether that was enough. */
  async #reclaimNodeLevel(
    { signal: starved }: Threshold,
    { layout, thresholds }: Seen,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { logger, deleteUnusedContainers, deleteUnusedImages } = this.#options;
    const kinds = reclaimsOf(starved, layout);
    if (kinds.length === 0) return false;
    for (const kind of kinds) {
      try {
        await (kind === "containers" ? deleteUnusedContainers(signal) : deleteUnusedImages(signal));
      } catch (err) {
        signal.throwIfAborted();
        logger.warn("Removing what is not used failed", { kind, err });
      }
    }
    const { observations } = await this.#observe(signal);
    return thresholdsMet(thresholds, observations, true).length === 0;
  }

  #evictByLimits(pods: readonly Pod[], statsOf: StatsOf, { dedicatedImageFs }: FsLayout): readonly Pod[] {
    return pods.filter((pod) => {
      const stats = statsOf(pod);
      const excess = stats === undefined ? undefined : localStorageExcess(pod, stats, dedicatedImageFs);
      if (excess === undefined) return false;
      const { message, signal } = excess;
      return this.#evict(pod, {
        message,
        annotations: {},
        grace: IMMEDIATE_GRACE_SECONDS,
        isDisruption: false,
        signal,
      });
    });
  }

  #evict(pod: Pod, { message, annotations, grace, isDisruption, signal }: Eviction): boolean {
    const { recorder, terminate, logger, clock, onEviction } = this.#options;
    if (isCriticalPod(pod)) {
      logger.warn("A critical pod is not evicted", { pod: formatPod(pod) });
      return false;
    }
    recorder.event(pod, "Warning", REASON, message, { annotations });
    logger.info("Evicting a pod", { pod: formatPod(pod), message });
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "TerminationByKubelet",
      message,
      lastTransitionTime: formatTime(clock.now()),
      ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    } as const;
    const failure = { reason: REASON, message, ...(isDisruption && { condition }) };
    terminate(uidOf(pod), { gracePeriodSeconds: grace, failure });
    onEviction(signal);
    return true;
  }

  #softGrace(pod: Pod): number {
    const most = this.#options.config.maxPodGracePeriodSeconds ?? 0;
    return Math.min(most, specOf(pod).terminationGracePeriodSeconds ?? most);
  }

  async #stats(signal: AbortSignal): Promise<StatsOf> {
    const { pods } = await this.#options.summary(signal);
    const byUid = new Map(pods.map((pod) => [pod.podRef.uid, pod]));
    return (pod) => byUid.get(uidOf(pod));
  }

  async #observe(
    signal: AbortSignal,
  ): Promise<{ readonly observations: Observations; readonly layout: FsLayout }> {
    const { platform, fs, clock, logger } = this.#options;
    const runtimeFs = async (): Promise<RuntimeFsStats | undefined> => {
      try {
        return await fs.ofRuntime(signal);
      } catch (err) {
        signal.throwIfAborted();
        logger.debug("Asking the runtime for its file systems failed", { err });
        return undefined;
      }
    };
    const [usage, podsMemory, runtime] = await Promise.all([
      platform.usage(),
      platform.cgroups.podsMemory(),
      runtimeFs(),
    ]);
    const observations = observe({ usage, podsMemory, runtimeFs: runtime, nowMs: clock.now() });
    return { observations, layout: runtime?.layout ?? SINGLE_FS };
  }

  /** What an evicted pod gives back is seen before another one has to go. */
  async #waitGone(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const { clock, isGone } = this.#options;
    const untilMs = clock.monotonicMs() + CLEANUP_TIMEOUT_MS;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      await pause(clock, CLEANUP_POLL_MS, signal);
      if (pods.every((pod) => isGone(uidOf(pod)))) return;
    }
  }
}

interface Seen {
  readonly observations: Observations;
  readonly layout: FsLayout;
  readonly thresholds: readonly Threshold[];
  readonly pods: readonly Pod[];
}

interface Eviction {
  readonly message: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly grace: number;
  readonly isDisruption: boolean;
  readonly signal: string;
}
