/** Takes pods from the queue, finds each a node, and binds many at a time. @module */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Pods } from "#api/core/v1/pod";
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import { isNotFound, type Clock, type Logger } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import { NodeFinder, type Found } from "./find-node.ts";
import { countReasons, fitErrorMessage } from "./fit-error.ts";
import type { Cycle, Framework } from "./framework/framework.ts";
import type { Status } from "./framework/status.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import { plan, type Candidate } from "./preemption/plan.ts";
import type { QueuedPod, SchedulingQueue } from "./queue/scheduling-queue.ts";
import { withScheduledFalse } from "./pod-conditions.ts";

export interface SchedulerParts {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly framework: Framework;
  readonly nominated: NominatedPods;
  readonly budgets: () => readonly PodDisruptionBudget[];
}

/** Writes under way at the same time. */
const BINDINGS_MAX = 256;
/** Cycles run one after another without a pause for at most this. */
const SLICE_MS = 5;

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #finder: NodeFinder;
  readonly #writes = new Set<Promise<void>>();

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#finder = new NodeFinder(parts.framework, parts.nominated, parts.random);
  }

  /** Until `signal` aborts; then waits for the writes under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#parts;
    let sliceEnd = clock.monotonicMs() + SLICE_MS;
    while (!signal.aborted) {
      const queued = queue.pop();
      if (queued === undefined) {
        await queue.wait(signal);
        sliceEnd = clock.monotonicMs() + SLICE_MS;
        continue;
      }
      this.#schedule(queued, signal);
      if (this.#writes.size >= BINDINGS_MAX) await Promise.race(this.#writes);
      if (clock.monotonicMs() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = clock.monotonicMs() + SLICE_MS;
    }
    await Promise.all(this.#writes);
  }

  #schedule(queued: QueuedPod, signal: AbortSignal): void {
    const { cache, framework, queue, nominated } = this.#parts;
    const { pod } = queued;
    const found = this.#finder.find(pod, cache);
    if (found.kind === "unschedulable") return this.#refuse(queued, found, signal);
    const refusal = framework.reserve(found.cycle, pod, found.node.name);
    if (refusal !== undefined) {
      queue.addUnschedulable(queued, new Set([refusal.plugin]));
      return;
    }
    cache.assume(pod, found.node.name);
    nominated.delete(pod.uid);
    this.#start(this.#bind(queued, found.cycle, found.node.name, signal));
  }

  async #bind(queued: QueuedPod, cycle: Cycle, nodeName: string, signal: AbortSignal): Promise<void> {
    const { framework, queue, recorder } = this.#parts;
    const { pod } = queued;
    try {
      const refusal = await framework.bind(cycle, pod, nodeName, signal);
      if (refusal !== undefined) return this.#undo(queued, cycle, nodeName, refusal.reasons.join(", "));
      queue.delete(pod.uid);
      const { namespace, name } = pod.pod.metadata;
      recorder.event(
        pod.pod,
        "Normal",
        "Scheduled",
        `Successfully assigned ${namespace}/${name} to ${nodeName}`,
      );
    } catch (err) {
      if (signal.aborted) return;
      if (isNotFound(err)) queue.delete(pod.uid);
      this.#undo(queued, cycle, nodeName, err instanceof Error ? err.message : String(err));
    }
  }

  /** The room is free again, for this pod later and for others now. */
  #undo(queued: QueuedPod, cycle: Cycle, nodeName: string, why: string): void {
    const { cache, framework, queue, recorder, logger } = this.#parts;
    framework.unreserve(cycle, queued.pod, nodeName);
    cache.forget(queued.pod.uid);
    logger.warn("binding a pod failed", { pod: queued.pod.key, node: nodeName, why });
    recorder.event(queued.pod.pod, "Warning", "FailedScheduling", why);
    queue.addBackoff(queued);
    queue.move({ resource: "AssignedPod", action: "delete", pod: { old: queued.pod.pod, new: undefined } });
  }

  #refuse(queued: QueuedPod, found: Extract<Found, { kind: "unschedulable" }>, signal: AbortSignal): void {
    const { cache, queue, recorder } = this.#parts;
    const { pod } = queued;
    const statuses = found.refusal === undefined ? [...found.statuses.values()] : [found.refusal];
    const { note, candidate } = this.#tryPreemption(queued, found);
    const nodes = cache.nodes.length;
    const message =
      nodes === 0 ? "no nodes available to schedule pods" : fitErrorMessage(nodes, statuses, note);
    queue.addUnschedulable(queued, new Set(statuses.map(({ plugin }) => plugin)));
    recorder.event(pod.pod, "Warning", "FailedScheduling", message);
    this.#start(this.#report(queued, message, candidate, signal));
  }

  #tryPreemption(
    { pod }: QueuedPod,
    found: Extract<Found, { kind: "unschedulable" }>,
  ): { readonly note: string; readonly candidate: Candidate | undefined } {
    const { framework, cache, budgets, nominated } = this.#parts;
    if (found.cycle === undefined) return { note: "", candidate: undefined };
    if (pod.pod.spec?.preemptionPolicy === "Never") {
      return { note: "preemption: not eligible due to preemptionPolicy=Never.", candidate: undefined };
    }
    if (this.#waitsForVictims(pod.uid, pod.priority)) {
      return {
        note: "preemption: not eligible due to a terminating pod on the nominated node.",
        candidate: undefined,
      };
    }
    const result = plan(framework, pod, found.cycle, found.statuses, cache, budgets());
    if (result.kind === "none")
      return { note: preemptionNote(cache.nodes.length, result.statuses), candidate: undefined };
    nominated.set(pod, result.candidate.node.name);
    return { note: "", candidate: result.candidate };
  }

  #waitsForVictims(uid: string, priority: number): boolean {
    const { nominated, cache } = this.#parts;
    const node = cache.get(nominated.nodeOf(uid) ?? "");
    const others = [...(node?.pods.values() ?? [])];
    return others.some(
      (other) => other.priority < priority && other.pod.metadata.deletionTimestamp !== undefined,
    );
  }

  /** Tells the pod's status, and evicts the victims if some were chosen. */
  async #report(
    { pod }: QueuedPod,
    message: string,
    candidate: Candidate | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, logger, recorder } = this.#parts;
    try {
      const body = withScheduledFalse(pod.pod, message, candidate?.node.name, clock.now());
      if (body !== undefined) {
        await client.patch(Pods, pod.pod.metadata, { type: "strategic", body }, signal, {
          subresource: "status",
        });
      }
      for (const victim of candidate?.victims ?? []) {
        const { uid } = victim;
        await client
          .delete(Pods, victim.pod.metadata, signal, { preconditions: { uid } })
          .catch((err: unknown) => {
            if (!isNotFound(err)) throw err;
          });
        const by = `Preempted by pod ${pod.uid} on node ${candidate!.node.name}`;
        recorder.event(victim.pod, "Normal", "Preempted", by);
      }
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      logger.warn("could not report why a pod waits", { pod: pod.key, err });
    }
  }

  #start(write: Promise<void>): void {
    const tracked: Promise<void> = write.finally(() => this.#writes.delete(tracked));
    this.#writes.add(tracked);
  }
}

function preemptionNote(nodes: number, statuses: readonly Status[]): string {
  return `preemption: 0/${nodes} nodes are available: ${countReasons(statuses)}.`;
}
