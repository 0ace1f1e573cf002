/** Puts the scheduler together: informers feed its cache and its queue. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { Clock, Logger } from "#apimachinery";
import type { Client, EventRecorder, InformerFactory } from "#client";
import { podInfo } from "./cache/pod-info.ts";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { Framework, type WeightedPlugin } from "./framework/framework.ts";
import { defaultPlugins } from "./plugins/index.ts";
import { NominatedPods } from "./preemption/nominated-pods.ts";
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
  /** Pods that ask for another scheduler are left alone. Default `default-scheduler`. */
  readonly schedulerName?: string;
  /** More plugins, after the default ones. */
  readonly plugins?: readonly WeightedPlugin[];
}

/** Resolves when `signal` aborts and what was being written is written. */
export async function runScheduler(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  const { client, informers, clock } = options;
  const namespaces = informers.lister(Namespaces);
  const budgets = informers.lister(PodDisruptionBudgets);
  const plugins = defaultPlugins(client, (name) => namespaces.get(name)?.metadata.labels ?? {});
  const framework = new Framework([...plugins, ...(options.plugins ?? [])]);
  const cache = new SchedulerCache();
  const nominated = new NominatedPods();
  const queue = new SchedulingQueue(clock, {
    preEnqueue: (pod) => framework.preEnqueue(pod),
    mayHelp: (event, pod, refusedBy) => framework.mayHelp(event, pod, refusedBy),
  });
  followNodes(informers, cache, queue);
  followPods(informers, cache, queue, nominated, options.schedulerName ?? "default-scheduler");
  informers.start(signal);
  await informers.waitForSync(signal);
  const scheduler = new Scheduler({
    ...options,
    cache,
    queue,
    framework,
    nominated,
    budgets: () => budgets.list(),
  });
  try {
    await scheduler.run(signal);
  } finally {
    queue.close();
  }
}

function followNodes(informers: InformerFactory, cache: SchedulerCache, queue: SchedulingQueue): void {
  informers.informer(Nodes).addEventHandler({
    onAdd(node) {
      cache.setNode(node);
      queue.move({ resource: "Node", action: "add", node: { old: undefined, new: node } });
    },
    onUpdate(node, old) {
      cache.setNode(node);
      if (concernsPods(old, node))
        queue.move({ resource: "Node", action: "update", node: { old, new: node } });
    },
    onDelete(node) {
      cache.removeNode(node.metadata.name);
      queue.move({ resource: "Node", action: "delete", node: { old: node, new: undefined } });
    },
  });
}

/** Heartbeats change conditions only, and help nobody. */
function concernsPods(old: Node, node: Node): boolean {
  return nodeView(old) !== nodeView(node);
}

function nodeView({ metadata, spec, status }: Node): string {
  return JSON.stringify([metadata.labels, spec?.taints, spec?.unschedulable, status?.allocatable]);
}

function followPods(
  informers: InformerFactory,
  cache: SchedulerCache,
  queue: SchedulingQueue,
  nominated: NominatedPods,
  schedulerName: string,
): void {
  const set = (pod: Pod, old: Pod | undefined): void => {
    const uid = pod.metadata.uid!;
    if (isAssigned(pod)) {
      const wasAssigned = old !== undefined && isAssigned(old);
      queue.delete(uid);
      nominated.delete(uid);
      if (isFinished(pod)) return remove(pod);
      cache.setPod(pod);
      queue.move({ resource: "AssignedPod", action: wasAssigned ? "update" : "add", pod: { old, new: pod } });
    } else if (
      isFinished(pod) ||
      pod.metadata.deletionTimestamp !== undefined ||
      pod.spec?.schedulerName !== schedulerName
    ) {
      queue.delete(uid);
    } else if (!cache.isAssumed(uid) && (old === undefined || asksAnew(old, pod))) {
      queue.add(podInfo(pod));
    }
  };
  const remove = (pod: Pod): void => {
    const uid = pod.metadata.uid!;
    queue.delete(uid);
    nominated.delete(uid);
    cache.removePod(uid);
    if (isAssigned(pod))
      queue.move({ resource: "AssignedPod", action: "delete", pod: { old: pod, new: undefined } });
  };
  informers.informer(Pods).addEventHandler({
    onAdd: (pod) => set(pod, undefined),
    onUpdate: (pod, old) => {
      if (pod.metadata.uid !== old.metadata.uid) remove(old);
      set(pod, pod.metadata.uid === old.metadata.uid ? old : undefined);
    },
    onDelete: remove,
  });
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") !== "";
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** The scheduler's own status writes come back as updates, and change nothing it looks at. */
function asksAnew(old: Pod, pod: Pod): boolean {
  return podView(old) !== podView(pod);
}

function podView({ metadata, spec }: Pod): string {
  return JSON.stringify([metadata.labels, spec]);
}
