/** Takes pods from the queue, finds each a node, and binds many at a time. @module */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Pods } from "#api/core/v1/pod";
import { isNotFound, type Clock, type Logger } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { PodInfo } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import type { Found, NodeFinder, Unschedulable } from "./find-node.ts";
import { fitErrorMessage } from "./fit-error.ts";
import { PluginError, type Cycle, type Framework } from "./framework/framework.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import { withScheduledFalse, type ScheduledFalse } from "./pod-conditions.ts";
import { evict, takePromiseBack } from "./preemption/evict.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import type { Candidate } from "./preemption/plan.ts";
import type { PreemptionResult } from "./preemption/preemptor.ts";
import type { QueuedPod, SchedulingQueue } from "./queue/scheduling-queue.ts";

export interface SchedulerParts {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly framework: Framework;
  readonly finder: NodeFinder;
  readonly nominated: NominatedPods;
  readonly preempt: (pod: PodInfo, found: Unschedulable) => PreemptionResult;
  readonly metrics: SchedulerMetrics;
}

/** Writes under way at the same time. */
const WRITES_MAX = 256;
/** Cycles run one after another without a pause for at most this; what they start in this process comes on top. */
const SLICE_MS = 2;

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #writes = new Set<Promise<void>>();
  /** Everything under way, also what only waits: volumes may take minutes. */
  readonly #tasks = new Set<Promise<void>>();

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** Until `signal` aborts; then waits for the writes under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#parts;
    let sliceEnd = clock.monotonicMs() + SLICE_MS;
    while (!signal.aborted) {
      const queued = queue.pop();
      if (queued === undefined) {
        this.#showSizes();
        await queue.wait(signal);
        sliceEnd = clock.monotonicMs() + SLICE_MS;
        continue;
      }
      this.#schedule(queued, signal);
      // A write that fails makes room as well; what it means is decided where it was started.
      if (this.#writes.size >= WRITES_MAX) await Promise.race(this.#writes).catch(() => undefined);
      if (clock.monotonicMs() < sliceEnd) continue;
      this.#showSizes();
      await nextTurn();
      sliceEnd = clock.monotonicMs() + SLICE_MS;
    }
    await Promise.all(this.#tasks);
  }

  #schedule(queued: QueuedPod, signal: AbortSignal): void {
    const { clock, logger, metrics } = this.#parts;
    const startMs = clock.monotonicMs();
    let found: Found;
    try {
      found = this.#find(queued.pod);
    } catch (err) {
      logger.error("a plugin failed in the scheduling cycle", { pod: queued.pod.key, err });
      const message = err instanceof Error ? err.message : String(err);
      metrics.attempt("error", clock.monotonicMs() - startMs);
      this.#retryAfterError(queued, message, signal);
      return;
    }
    if (found.kind === "node") this.#place(queued, found.cycle, found.node.name, startMs, signal);
    else this.#refuse(queued, found, startMs, signal);
  }

  #find(pod: PodInfo): Found {
    const { finder, cache, clock, metrics } = this.#parts;
    const startMs = clock.monotonicMs();
    const found = finder.find(pod, cache);
    metrics.algorithm(clock.monotonicMs() - startMs);
    return found;
  }

  #place(queued: QueuedPod, cycle: Cycle, nodeName: string, startMs: number, signal: AbortSignal): void {
    const { cache, framework, queue, nominated, metrics, clock } = this.#parts;
    const { pod } = queued;
    cache.assume(pod, nodeName);
    const refusal = framework.reserve(cycle, pod, nodeName, cache);
    if (refusal !== undefined) {
      cache.forget(pod.uid);
      metrics.attempt("unschedulable", clock.monotonicMs() - startMs);
      queue.addUnschedulable(queued, new Set([refusal.plugin]));
      return;
    }
    nominated.delete(pod.uid);
    this.#start(this.#bind(queued, cycle, nodeName, startMs, signal));
  }

  async #bind(
    queued: QueuedPod,
    cycle: Cycle,
    nodeName: string,
    startMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { framework, queue, recorder, metrics, clock } = this.#parts;
    const { pod } = queued;
    try {
      const refusal = await framework.prepare(cycle, pod, nodeName, signal);
      if (refusal !== undefined) {
        this.#giveRoomBack(pod, cycle, nodeName);
        metrics.attempt("unschedulable", clock.monotonicMs() - startMs);
        queue.addUnschedulable(queued, new Set([refusal.plugin]));
        return await this.#report(
          pod,
          {
            reason: "Unschedulable",
            message: refusal.reasons.join(", "),
            nominatedNodeName: undefined,
          },
          signal,
        );
      }
      await this.#track(this.#writes, framework.bind(cycle, pod, nodeName, signal));
      queue.delete(pod.uid);
      metrics.attempt("scheduled", clock.monotonicMs() - startMs);
      metrics.scheduled(queued.attempts, clock.now() - queued.queuedAt);
      recorder.event(pod.pod, "Normal", "Scheduled", `Successfully assigned ${pod.key} to ${nodeName}`);
    } catch (err) {
      this.#giveRoomBack(pod, cycle, nodeName);
      if (signal.aborted) return;
      metrics.attempt("error", clock.monotonicMs() - startMs);
      if (err instanceof PluginError && err.point === "bind" && isNotFound(err.cause))
        return queue.delete(pod.uid); // deleted while it was being bound
      this.#retryAfterError(queued, err instanceof Error ? err.message : String(err), signal);
    }
  }

  /** The room is free again, for this pod later and for others now. */
  #giveRoomBack(pod: PodInfo, cycle: Cycle, nodeName: string): void {
    const { cache, framework, queue } = this.#parts;
    framework.unreserve(cycle, pod, nodeName);
    cache.forget(pod.uid);
    queue.move({ resource: "AssignedPod", action: "delete", pod: { old: pod.pod, new: undefined } });
  }

  #retryAfterError(queued: QueuedPod, message: string, signal: AbortSignal): void {
    const { queue, logger } = this.#parts;
    logger.warn("scheduling a pod failed, it is tried again", { pod: queued.pod.key, message });
    queue.addBackoff(queued);
    const condition = { reason: "SchedulerError" as const, message, nominatedNodeName: undefined };
    this.#start(this.#report(queued.pod, condition, signal));
  }

  #refuse(queued: QueuedPod, found: Unschedulable, startMs: number, signal: AbortSignal): void {
    const { cache, queue, nominated, metrics, clock } = this.#parts;
    const { pod } = queued;
    const { refused, refusal } = found;
    const nodes = cache.nodes.length;
    const result = this.#parts.preempt(pod, found);
    metrics.preemption(result.kind === "preempt" ? result.candidate.victims.length : undefined);
    metrics.attempt("unschedulable", clock.monotonicMs() - startMs);
    const absent = refused.absent && { nodes: nodes - refused.nodes.length, status: refused.absent };
    const message = fitErrorMessage(
      { nodes, statuses: refused.statuses, absent, refusal },
      result.kind === "none" ? result.note : "",
    );
    const refusedBy = new Set(refused.statuses.map(({ plugin }) => plugin));
    if (refused.absent !== undefined) refusedBy.add(refused.absent.plugin);
    if (result.kind === "preempt") {
      this.#start(this.#preempt(queued, refusedBy, message, result.candidate, signal));
      return;
    }
    if (!result.keepsPromise) nominated.delete(pod.uid);
    queue.addUnschedulable(queued, refusedBy);
    const nominatedNodeName = result.keepsPromise ? undefined : "";
    this.#start(this.#report(pod, { reason: "Unschedulable", message, nominatedNodeName }, signal));
  }

  /** The pod is not tried again before its victims have been told to go. */
  async #preempt(
    queued: QueuedPod,
    refusedBy: ReadonlySet<string>,
    message: string,
    candidate: Candidate,
    signal: AbortSignal,
  ): Promise<void> {
    const { nominated, queue, logger } = this.#parts;
    const { pod } = queued;
    const { name } = candidate.node;
    const outdone = nominated
      .on(name)
      .filter((other) => other.priority < pod.priority && other.uid !== pod.uid);
    nominated.set(pod, name, candidate.victims);
    for (const other of outdone) nominated.delete(other.uid);
    try {
      await Promise.all([
        this.#report(pod, { reason: "Unschedulable", message, nominatedNodeName: name }, signal),
        this.#track(this.#writes, evict(this.#parts, candidate, pod, signal)),
        ...outdone.map((other) => takePromiseBack(this.#parts, other, signal)),
      ]);
    } catch (err) {
      if (signal.aborted) return;
      logger.warn("could not evict all victims, the pod is tried again", { pod: pod.key, node: name, err });
      nominated.set(pod, name); // without victims: it may choose again
      return queue.addBackoff(queued);
    }
    for (const other of outdone) queue.activate(other.uid);
    // those that are still here will be seen to go, which wakes the pod
    const isFree = candidate.victims.every(({ uid }) => !candidate.node.pods.has(uid));
    if (isFree) queue.giveBack(queued);
    else queue.addUnschedulable(queued, refusedBy);
  }

  /** Says why the pod waits, in an event and in its status. */
  async #report({ pod, key }: PodInfo, condition: ScheduledFalse, signal: AbortSignal): Promise<void> {
    const { client, clock, logger, recorder } = this.#parts;
    recorder.event(pod, "Warning", "FailedScheduling", condition.message);
    const body = withScheduledFalse(pod, condition, clock.now());
    if (body === undefined) return;
    try {
      const options = { subresource: "status" };
      const write = client.patch(Pods, pod.metadata, { type: "strategic", body }, signal, options);
      await this.#track(
        this.#writes,
        write.then(() => undefined),
      );
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      logger.warn("could not report why a pod waits", { pod: key, err });
    }
  }

  #showSizes(): void {
    const { metrics, queue, cache } = this.#parts;
    metrics.pending(queue.lengths);
    metrics.cacheSize(cache.sizes);
  }

  #start(task: Promise<void>): void {
    void this.#track(this.#tasks, task);
  }

  #track(all: Set<Promise<void>>, task: Promise<void>): Promise<void> {
    const tracked: Promise<void> = task.finally(() => all.delete(tracked));
    all.add(tracked);
    return tracked;
  }
}
