/** Puts the scheduler together: informers feed its cache and its queue. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import { CSINodes } from "#api/storage/v1/csinode";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { Clock, Logger } from "#apimachinery";
import type { Client, EventRecorder, InformerFactory, MetricsSink } from "#client";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { NodeFinder } from "./find-node.ts";
import { followCluster } from "./follow-cluster.ts";
import { Framework, type WeightedPlugin } from "./framework/framework.ts";
import { SchedulerMetrics } from "./metrics.ts";
import { defaultPlugins } from "./plugins/index.ts";
import { NominatedPods } from "./preemption/nominated-pods.ts";
import { preempt, waitsForMoreVictims } from "./preemption/preemptor.ts";
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
  /** Pods that ask for another scheduler are left alone. Default `default-scheduler`. */
  readonly schedulerName?: string;
  /** More plugins, after the default ones. */
  readonly plugins?: readonly WeightedPlugin[];
  /** Nodes that must fit before the best of them is taken, in percent. Default 0: fewer, the larger the cluster is. */
  readonly percentageOfNodesToScore?: number;
}

/** Resolves when `signal` aborts and what was being written is written. */
export async function runScheduler(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  const { client, informers, clock, random, schedulerName = "default-scheduler" } = options;
  const namespaces = informers.lister(Namespaces);
  const budgets = informers.lister(PodDisruptionBudgets);
  const plugins = defaultPlugins({
    client,
    clock,
    namespaceLabels: (name) => namespaces.get(name)?.metadata.labels ?? {},
    listers: {
      claims: informers.lister(PersistentVolumeClaims),
      volumes: informers.lister(PersistentVolumes),
      classes: informers.lister(StorageClasses),
      csiNodes: informers.lister(CSINodes),
    },
    claimInformer: informers.informer(PersistentVolumeClaims),
  });
  const framework = new Framework([...plugins, ...(options.plugins ?? [])]);
  const cache = new SchedulerCache();
  const nominated = new NominatedPods();
  const queue = new SchedulingQueue(clock, {
    preEnqueue: (pod) => framework.preEnqueue(pod),
    concerned: (event) => framework.concerned(event),
    mayHelp: (event, pod, plugin) =>
      framework.mayHelp(event, pod, plugin) && !waitsForMoreVictims(event, pod.uid, nominated, cache),
  });
  const metrics = new SchedulerMetrics(options.metrics, schedulerName, clock);
  const { percentageOfNodesToScore = 0 } = options;
  const finder = new NodeFinder(framework, nominated, random, { percentageOfNodesToScore, metrics });
  const preemptor = { framework, finder, nominated, random, budgets: () => budgets.list() };
  const unfollow = followCluster(informers, { cache, queue, nominated, schedulerName });
  try {
    informers.start(signal);
    await informers.waitForSync(signal);
    const scheduler = new Scheduler({
      ...options,
      metrics,
      cache,
      queue,
      framework,
      finder,
      nominated,
      preempt: (pod, found) => preempt(preemptor, pod, found, cache),
    });
    await scheduler.run(signal);
  } catch (err) {
    if (!signal.aborted) throw err; // stopped before the caches were full
  } finally {
    unfollow();
    queue.close();
  }
}
