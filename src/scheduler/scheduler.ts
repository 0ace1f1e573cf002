/** Takes pods from the queue, finds each a node, and binds many at a time. @module */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Pods } from "#api/core/v1/pod";
import { isNotFound, messageOf, type Clock, type Logger } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { PodInfo } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import { eventOptions } from "./event-options.ts";
import type { Extender } from "./extender/extender.ts";
import type { Found, NodeFinder, Unschedulable } from "./find-node.ts";
import { fitErrorMessage } from "./fit-error.ts";
import type { Framework } from "./framework/framework.ts";
import type { Cycle, PostFilterResult, RefusedNodes } from "./framework/plugin.ts";
import { PluginError, type Status } from "./framework/status.ts";
import { WaitingPod, type WaitingPods } from "./framework/waiting-pods.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import { withScheduledFalse, type ScheduledFalse, type StatusPatch } from "./pod-conditions.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

/** How the pods of one scheduler name are scheduled. */
export interface ProfileParts {
  readonly framework: Framework;
  readonly finder: NodeFinder;
}

export interface SchedulerParts {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  /** By scheduler name. */
  readonly profiles: ReadonlyMap<string, ProfileParts>;
  readonly nominated: NominatedPods;
  readonly waitingPods: WaitingPods;
  readonly extenders: readonly Extender[];
  readonly metrics: SchedulerMetrics;
}

/** Writes under way at the same time. */
const WRITES_MAX = 256;
/** Cycles run one after another without a pause for at most this; what they start in this process comes on top. */
const SLICE_MS = 2;
/** Between two counts of the unschedulable pods by plugin. */
const REFUSALS_PERIOD_MS = 1_000;

/** A pod between the decision and its binding. */
interface Placed {
  readonly queued: QueuedPod;
  readonly framework: Framework;
  readonly cycle: Cycle;
  readonly nodeName: string;
  /** When the attempt began. */
  readonly startMs: number;
}

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #writes = new Set<Promise<void>>();
  /** Everything under way, also what only waits: volumes may take minutes. */
  readonly #tasks = new Set<Promise<void>>();
  #binding = 0;
  #refusalsShownMs = -Infinity;

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
      const later = this.#schedule(queued, signal);
      if (later !== undefined) await later; // an extender is asked: one cycle at a time
      // A write that fails makes room as well; what it means is decided where it was started.
      if (this.#writes.size >= WRITES_MAX) await Promise.race(this.#writes).catch(() => undefined);
      if (clock.monotonicMs() < sliceEnd) continue;
      this.#showSizes();
      await nextTurn();
      sliceEnd = clock.monotonicMs() + SLICE_MS;
    }
    for (const waiting of this.#parts.waitingPods.values()) waiting.reject("", "the scheduler stops");
    await Promise.all(this.#tasks);
  }

  /** Nothing to await unless somebody outside was asked. */
  #schedule(queued: QueuedPod, signal: AbortSignal): Promise<void> | undefined {
    const { queue, profiles, cache, clock, metrics } = this.#parts;
    const { pod } = queued;
    const profile = profiles.get(pod.pod.spec?.schedulerName ?? "");
    if (profile === undefined) {
      queue.delete(pod.uid); // it asks for another scheduler now
      return undefined;
    }
    const { framework, finder } = profile;
    const startMs = clock.monotonicMs();
    const go = (found: Found): Promise<void> | undefined => {
      metrics.algorithm(clock.monotonicMs() - startMs);
      if (found.kind !== "node") return this.#refuse(queued, framework, found, startMs, signal);
      const nodeName = found.node.name;
      this.#place({ queued, framework, cycle: found.cycle, nodeName, startMs }, signal);
      return undefined;
    };
    const fail = (err: unknown): void => this.#failCycle(queued, framework, err, startMs, signal);
    try {
      const found = finder.find(pod, cache);
      return found instanceof Promise ? found.then(go).catch(fail) : go(found)?.catch(fail);
    } catch (err) {
      fail(err);
      return undefined;
    }
  }

  #failCycle(
    queued: QueuedPod,
    { profileName }: Framework,
    err: unknown,
    startMs: number,
    signal: AbortSignal,
  ): void {
    const { clock, logger, metrics } = this.#parts;
    if (signal.aborted) return;
    logger.error("a plugin failed in the scheduling cycle", { pod: queued.pod.key, err });
    metrics.attempt("error", profileName, clock.monotonicMs() - startMs);
    this.#retryAfterError(queued, messageOf(err), false, signal);
  }

  #place(placed: Placed, signal: AbortSignal): void {
    const { cache, nominated } = this.#parts;
    const { queued, framework, cycle, nodeName } = placed;
    const { pod } = queued;
    cache.assume(pod, nodeName);
    let permitted: Status | WaitingPod | undefined;
    try {
      permitted = framework.reserve(cycle, pod, nodeName, cache) ?? framework.permit(cycle, pod, nodeName);
    } catch (err) {
      this.#giveRoomBack(placed);
      throw err;
    }
    if (permitted !== undefined && !(permitted instanceof WaitingPod)) {
      this.#giveRoomBack(placed);
      return this.#refuseOnNode(placed, permitted, false, signal);
    }
    nominated.delete(pod.uid);
    this.#start(this.#bind(placed, permitted, signal));
  }

  async #bind(placed: Placed, waiting: WaitingPod | undefined, signal: AbortSignal): Promise<void> {
    const { queue, recorder, metrics, clock, waitingPods } = this.#parts;
    const { queued, framework, cycle, nodeName, startMs } = placed;
    const { pod } = queued;
    let isExpected = false;
    this.#binding++;
    try {
      const hasWork = framework.hasPreBindWork(cycle, pod, nodeName);
      if (hasWork || waiting !== undefined) {
        isExpected = true;
        this.#start(this.#sayWhereExpected(pod, nodeName, signal));
      }
      if (waiting !== undefined) {
        const refusal = await framework.waitOnPermit(waiting, waitingPods);
        if (refusal !== undefined) {
          this.#giveRoomBack(placed);
          return this.#refuseOnNode(placed, refusal, isExpected, signal);
        }
      }
      queue.done(queued);
      if (hasWork) {
        const refusal = await framework.preBind(cycle, pod, nodeName, signal);
        if (refusal !== undefined) {
          this.#giveRoomBack(placed);
          return this.#refuseOnNode(placed, refusal, isExpected, signal);
        }
      }
      await this.#track(this.#writes, this.#writeBinding(placed, signal));
      queue.delete(pod.uid);
      this.#tellBound(placed);
      metrics.attempt("scheduled", framework.profileName, clock.monotonicMs() - startMs);
      const sinceFirstTryMs = clock.now() - (queued.firstTriedAt ?? queued.queuedAt);
      metrics.scheduled(queued.attempts, sinceFirstTryMs, queued.wasFlushed);
      const message = `Successfully assigned ${pod.key} to ${nodeName}`;
      recorder.event(pod.pod, "Normal", "Scheduled", message, eventOptions(pod.pod, "Binding"));
    } catch (err) {
      this.#failBinding(placed, err, isExpected, signal);
    } finally {
      this.#binding--;
    }
  }

  /** The pod is bound, whatever becomes of this. */
  #tellBound({ queued: { pod }, framework, cycle, nodeName }: Placed): void {
    try {
      framework.postBind(cycle, pod, nodeName);
    } catch (err) {
      this.#parts.logger.error("a plugin failed after a pod was bound", { pod: pod.key, err });
    }
  }

  /** By the extender that binds such pods, else by the Bind plugins. */
  async #writeBinding({ queued, framework, cycle, nodeName }: Placed, signal: AbortSignal): Promise<void> {
    const { extenders, metrics } = this.#parts;
    const { pod } = queued;
    const binder = extenders.find((extender) => extender.isBinder && extender.isInterested(pod.pod));
    const write =
      binder === undefined ? framework.bind(cycle, pod, nodeName, signal) : binder.bind(pod, nodeName);
    await metrics.call("pod_binding", write);
  }

  #failBinding(placed: Placed, err: unknown, isExpected: boolean, signal: AbortSignal): void {
    const { queue, metrics, clock } = this.#parts;
    const { queued, framework, startMs } = placed;
    this.#giveRoomBack(placed);
    if (signal.aborted) return;
    metrics.attempt("error", framework.profileName, clock.monotonicMs() - startMs);
    if (err instanceof PluginError && err.point === "Bind" && isNotFound(err.cause))
      return queue.delete(queued.pod.uid); // deleted while it was being bound
    this.#retryAfterError(queued, messageOf(err), isExpected, signal);
  }

  /** The room is free again, for this pod later and for others now. */
  #giveRoomBack({ queued: { pod }, framework, cycle, nodeName }: Placed): void {
    const { cache, queue, logger } = this.#parts;
    try {
      framework.unreserve(cycle, pod, nodeName);
    } catch (err) {
      logger.error("a plugin failed to take back what it reserved", { pod: pod.key, err });
    }
    cache.forget(pod.uid);
    queue.move({ resource: "AssignedPod", action: "delete", pod: { old: pod.pod, new: undefined } });
  }

  #retryAfterError(queued: QueuedPod, message: string, isExpected: boolean, signal: AbortSignal): void {
    const { queue, logger } = this.#parts;
    logger.warn("scheduling a pod failed, it is tried again", { pod: queued.pod.key, message });
    queue.addBackoff(queued);
    const nominatedNodeName = isExpected ? "" : undefined;
    const condition = { reason: "SchedulerError" as const, message, nominatedNodeName };
    this.#start(this.#report(queued.pod, condition, isExpected, signal));
  }

  /** The node was chosen, and then a plugin did not let the pod go there. */
  #refuseOnNode(
    { queued, framework, startMs }: Placed,
    refusal: Status,
    isExpected: boolean,
    signal: AbortSignal,
  ): void {
    const { metrics, clock, queue } = this.#parts;
    metrics.attempt("unschedulable", framework.profileName, clock.monotonicMs() - startMs);
    queue.addUnschedulable(queued, new Set(refusal.plugin === "" ? [] : [refusal.plugin]));
    const message = fitErrorMessage({ nodes: 1, statuses: [refusal] }, "");
    const condition = { reason: "Unschedulable" as const, message, nominatedNodeName: "" };
    this.#start(this.#report(queued.pod, condition, isExpected, signal));
  }

  /** Asks the PostFilter plugins whether something can be done. */
  #refuse(
    queued: QueuedPod,
    framework: Framework,
    found: Unschedulable,
    startMs: number,
    signal: AbortSignal,
  ): Promise<void> | undefined {
    const { cache, clock, metrics } = this.#parts;
    const nodes = cache.nodes.length;
    const finish = (result: PostFilterResult | undefined): void => {
      metrics.attempt("unschedulable", framework.profileName, clock.monotonicMs() - startMs);
      this.#settle(queued, found, nodes, result, signal);
    };
    const result =
      nodes === 0 || !framework.hasPostFilters
        ? undefined
        : framework.postFilter(found.cycle, queued.pod, found.refused, cache, signal);
    if (result instanceof Promise) return result.then(finish);
    finish(result);
    return undefined;
  }

  #settle(
    queued: QueuedPod,
    { refused, refusal }: Unschedulable,
    nodes: number,
    result: PostFilterResult | undefined,
    signal: AbortSignal,
  ): void {
    const { nominated, queue } = this.#parts;
    const { pod } = queued;
    const { status, nominatedNodeName = result === undefined ? "" : undefined, underWay } = result ?? {};
    const absent = refused.absent && { nodes: nodes - refused.nodes.length, status: refused.absent };
    const said = status?.reasons.join(", ") ?? "";
    const message = fitErrorMessage({ nodes, statuses: refused.statuses, absent, refusal }, said);
    const refusedBy = refusersOf(refused);
    if (nominatedNodeName === "") nominated.delete(pod.uid);
    this.#start(this.#report(pod, { reason: "Unschedulable", message, nominatedNodeName }, false, signal));
    if (underWay === undefined) return queue.addUnschedulable(queued, refusedBy);
    this.#start(this.#waitFor(underWay, queued, refusedBy, signal));
  }

  /** The pod is not tried again before what was done for it is done. What happens meanwhile may help it all the same. */
  async #waitFor(
    underWay: (signal: AbortSignal) => Promise<void>,
    queued: QueuedPod,
    refusedBy: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { queue, logger } = this.#parts;
    try {
      await this.#track(this.#writes, underWay(signal));
    } catch (err) {
      if (signal.aborted) return;
      logger.warn("could not make room for a pod, it is tried again", { pod: queued.pod.key, err });
      return queue.addBackoff(queued);
    }
    queue.addUnschedulable(queued, refusedBy);
  }

  /** Whoever waits for volumes or a permit says at once which node is kept for it. */
  async #sayWhereExpected({ pod, key }: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    if (pod.status?.nominatedNodeName === nodeName) return;
    await this.#patchStatus(pod, key, { status: { nominatedNodeName: nodeName } }, signal);
  }

  /** Says why the pod waits, in an event and in its status. `wasExpected`: it has said where it is expected. */
  async #report(
    { pod, key }: PodInfo,
    condition: ScheduledFalse,
    wasExpected: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, recorder } = this.#parts;
    recorder.event(pod, "Warning", "FailedScheduling", condition.message, eventOptions(pod, "Scheduling"));
    const known = wasExpected ? { ...pod, status: { ...pod.status, nominatedNodeName: "?" } } : pod;
    const body = withScheduledFalse(known, condition, clock.now());
    if (body !== undefined) await this.#patchStatus(pod, key, body, signal);
  }

  async #patchStatus(
    pod: PodInfo["pod"],
    key: string,
    body: StatusPatch,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, logger, metrics } = this.#parts;
    const options = { subresource: "status" };
    try {
      const write = client.patch(Pods, pod.metadata, { type: "strategic", body }, signal, options);
      const counted = metrics.call("pod_status_patch", write).then(() => undefined);
      await this.#track(this.#writes, counted);
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      logger.warn("could not write the status of a pod", { pod: key, err });
    }
  }

  #showSizes(): void {
    const { metrics, queue, cache, profiles, clock } = this.#parts;
    const { lengths: pending, eventsKept } = queue;
    metrics.show({ pending, cache: cache.sizes, binding: this.#binding, eventsKept });
    for (const [profile, { framework }] of profiles)
      metrics.evaluations(profile, framework.takeEvaluations());
    if (clock.monotonicMs() - this.#refusalsShownMs < REFUSALS_PERIOD_MS) return;
    this.#refusalsShownMs = clock.monotonicMs();
    metrics.refusals(countRefusals(queue));
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

/** Neighbours are mostly refused by the same plugin. */
function refusersOf({ statuses, absent }: RefusedNodes): ReadonlySet<string> {
  const plugins = new Set<string>();
  let last: string | undefined;
  for (const { plugin } of statuses) if (plugin !== last) plugins.add((last = plugin));
  if (absent !== undefined) plugins.add(absent.plugin);
  return plugins;
}

function* countRefusals({ refusals }: SchedulingQueue) {
  for (const [plugin, waiting] of refusals) {
    const byProfile = new Map<string, number>();
    for (const { pod } of waiting) {
      const profile = pod.pod.spec?.schedulerName ?? "";
      byProfile.set(profile, (byProfile.get(profile) ?? 0) + 1);
    }
    for (const [profile, pods] of byProfile) yield { plugin, profile, pods };
  }
}
