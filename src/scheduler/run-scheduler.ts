/** Puts the scheduler together: profiles with their plugins, and informers that feed its cache and its queue. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Client, EventRecorder, InformerFactory, MetricsSink } from "#client";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { withDefaults } from "./config/defaults.ts";
import type { KubeSchedulerConfiguration } from "./config/types.ts";
import { EXTENDER } from "./extender/ask-extenders.ts";
import { Extender } from "./extender/extender.ts";
import { httpPost } from "./extender/http-post.ts";
import { followCluster } from "./follow-cluster.ts";
import { labelOf, type ClusterEvent } from "./framework/cluster-event.ts";
import type { PluginRegistry } from "./framework/handle.ts";
import type { WeightedPlugin } from "./framework/points.ts";
import { WaitingPods } from "./framework/waiting-pods.ts";
import { SchedulerMetrics } from "./metrics.ts";
import { NominatedPods } from "./preemption/nominated-pods.ts";
import { waitsForMoreVictims } from "./preemption/waits-for-victims.ts";
import { newProfiles, type Profiles } from "./profiles.ts";
import { SchedulingQueue } from "./queue/scheduling-queue.ts";
import { Scheduler } from "./scheduler.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** In [0, 1): chooses among equally good nodes. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Must know the metrics of `schedulerMetrics`. */
  readonly metrics?: MetricsSink;
  /** As `loadSchedulerConfiguration` reads it. Default: one profile with upstream's plugins. */
  readonly config?: KubeSchedulerConfiguration;
  /** Plugins that the configuration may name besides upstream's. */
  readonly registry?: PluginRegistry;
  /** More plugins, in every profile after those of the configuration. */
  readonly plugins?: readonly WeightedPlugin[];
  /** Instead of the name of the configuration's only profile: pods that ask for another scheduler are left alone. */
  readonly schedulerName?: string;
  /** Instead of the configuration's: nodes that must fit before the best of them is taken, in percent. */
  readonly percentageOfNodesToScore?: number;
}

/**
 * Resolves when `signal` aborts and what was being written is written. Rejects if the configuration asks for what is not
 * there, before anything is done.
 */
export async function runScheduler(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  const { informers, clock } = options;
  const config = configOf(options);
  const metrics = new SchedulerMetrics(options.metrics, clock);
  const cache = new SchedulerCache();
  const nominated = new NominatedPods((nodeName) => cache.touch(nodeName));
  const waitingPods = new WaitingPods();
  const extenders = config.extenders.map((extender) => new Extender(extender, httpPost(extender, clock)));
  const activate = (uids: Iterable<string>): void => {
    for (const uid of uids) queue.activate(uid);
  };
  const shared = { cache, nominated, waitingPods, extenders, activate };
  const profiles = newProfiles(config, options, shared, metrics);
  const queue = newQueue(config, profiles, shared, metrics, clock);
  const unfollow = followCluster(informers, {
    ...shared,
    queue,
    metrics,
    clock,
    isOurs: ({ spec }) => profiles.byName.has(spec?.schedulerName ?? ""),
    isOfInterest: (resource) => profiles.isOfInterest(resource),
  });
  try {
    informers.start(signal);
    await informers.waitForSync(signal);
    options.logger.info("Scheduler started", { profiles: [...profiles.byName.keys()] });
    const scheduler = new Scheduler({ ...options, ...shared, metrics, queue, profiles: profiles.byName });
    await scheduler.run(signal);
  } catch (err) {
    if (!signal.aborted) throw err; // stopped before the caches were full
  } finally {
    unfollow();
    queue.close();
  }
}

function configOf({
  config = withDefaults(),
  schedulerName,
  percentageOfNodesToScore,
}: SchedulerOptions): KubeSchedulerConfiguration {
  const [first, ...others] = config.profiles;
  return {
    ...config,
    ...(percentageOfNodesToScore !== undefined && { percentageOfNodesToScore }),
    ...(schedulerName !== undefined && { profiles: [{ ...first!, schedulerName }, ...others] }),
  };
}

interface QueueSurroundings {
  readonly cache: SchedulerCache;
  readonly nominated: NominatedPods;
  readonly extenders: readonly Extender[];
}

function newQueue(
  config: KubeSchedulerConfiguration,
  profiles: Profiles,
  { cache, nominated, extenders }: QueueSurroundings,
  metrics: SchedulerMetrics,
  clock: Clock,
): SchedulingQueue {
  const concerned = (event: ClusterEvent): readonly string[] => {
    const names = profiles.concerned(event);
    return extenders.length === 0 ? names : [...names, EXTENDER];
  };
  return new SchedulingQueue(
    clock,
    {
      less: (a, b) => profiles.first.framework.less(a, b),
      preEnqueue: (pod) => profiles.of(pod)?.framework.preEnqueue(pod),
      concerned,
      mayHelp(event, pod, plugin) {
        const ask = (): boolean => profiles.of(pod)?.framework.mayHelp(event, pod, plugin) === true;
        const helps = plugin === EXTENDER || metrics.hint(plugin, () => labelOf(event), ask);
        return helps && !waitsForMoreVictims(event, pod.uid, nominated, cache);
      },
      entered: (queue, cause) => metrics.entered(queue, cause),
    },
    {
      backoffMs: config.podInitialBackoffSeconds * 1_000,
      backoffMaxMs: config.podMaxBackoffSeconds * 1_000,
    },
  );
}
