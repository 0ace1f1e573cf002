/** Grants pods their resources: when they come, and again when they ask for others while they run (KEP-1287). @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { EventRecorder } from "#client";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { formatPod, isStaticPod, specOf, uidOf } from "../container/pod-spec.ts";
import { insufficientResources } from "../lifecycle/admit.ts";
import { allocationOf, isAllocated, largestAllocation, withAllocation } from "./pod-allocation.ts";
import { pendingOrder } from "./pending-order.ts";
import { ResizeConditions } from "./resize-conditions.ts";
import { resizeMessage } from "./resize-message.ts";
import type { ResourceState } from "./resource-state.ts";

export interface AllocationOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  /** What pods were granted. */
  readonly allocated: ResourceState;
  /** What their cgroups were set to; a pod holds the more of both. */
  readonly actuated: ResourceState;
  /** What pods may have together. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** All pods that hold resources of the node, as the API shows them. */
  readonly activePods: () => readonly Pod[];
  /** The pod's resources or conditions have changed. */
  readonly onChange: (uid: string) => void;
  /** A resize that had to wait was granted, and what let it. */
  readonly onDeferredGranted: (trigger: RetryTrigger) => void;
}

/** Why resizes that wait are looked at; upstream's names. */
export type RetryTrigger =
  | "pod_resized"
  | "pod_updated"
  | "pods_removed"
  | "pod_terminated"
  | "periodic_retry";

/** What waits is looked at whenever a pod ends or shrinks; and this often, should that have been missed. */
const RETRY_MS = 180_000;

export class AllocationManager {
  readonly conditions: ResizeConditions;
  readonly actuated: ResourceState;
  readonly #options: AllocationOptions;
  /** Pods whose resize is not granted yet; at most as many as the node runs. */
  readonly #pending = new Set<string>();
  /** The generation of each pod whose resources were looked at last. */
  readonly #seen = new Map<string, number>();

  constructor(options: AllocationOptions) {
    this.#options = options;
    this.actuated = options.actuated;
    this.conditions = new ResizeConditions(options.clock);
  }

  /** Reads what an earlier kubelet granted; before any pod is admitted. */
  async load(): Promise<void> {
    await Promise.all([this.#options.allocated.load(), this.#options.actuated.load()]);
  }

  /** The pod as it was granted its resources. */
  allocatedPod(pod: Pod): Pod {
    return withAllocation(pod, this.#options.allocated.get(uidOf(pod)));
  }

  /** The pod as the node has to reckon with it: with the more of what it was granted and what it still has. */
  heldPod(pod: Pod): Pod {
    const uid = uidOf(pod);
    const { allocated, actuated } = this.#options;
    return withAllocation(pod, largestAllocation(allocated.get(uid), actuated.get(uid)));
  }

  /** The pod was taken with what it asks for, unless it was granted something before; or it has changed in the API. */
  podSet(pod: Pod, hasRun: boolean): void {
    const { allocated, actuated } = this.#options;
    const uid = uidOf(pod);
    if (pod.metadata.deletionTimestamp !== undefined || isTerminalPhase(pod.status?.phase)) {
      // What it gives back may serve others.
      this.retry("pod_terminated");
      return;
    }
    if (!this.#seen.has(uid)) this.conditions.backfill(uid, pod);
    if (allocated.get(uid) === undefined) {
      allocated.set(uid, allocationOf(pod));
      // A kubelet that kept no record has started it so.
      if (hasRun) actuated.set(uid, allocationOf(pod));
    }
    this.#updated(pod);
  }

  /** A resize is carried out: what the pod gave back may serve others. */
  readonly completed = (): void => this.retry("pod_resized");

  /** The pod's cgroup is there, with the resources of the pod as a whole. */
  podMade(pod: Pod): void {
    const { resources } = specOf(pod);
    const uid = uidOf(pod);
    if (resources !== undefined && this.actuated.get(uid)?.pod === undefined)
      this.actuated.setPod(uid, resources);
  }

  /** The pod holds nothing any more. */
  remove(uid: string): void {
    this.#options.allocated.remove(uid);
    this.#options.actuated.remove(uid);
    this.conditions.forget(uid);
    this.#pending.delete(uid);
    this.#seen.delete(uid);
    this.retry("pods_removed");
  }

  /** Forgets what is kept of pods that the node no longer has. */
  retain(uids: ReadonlySet<string>): void {
    this.#options.allocated.retain(uids);
    this.#options.actuated.retain(uids);
  }

  /** Looks at every resize that waits. */
  retry(trigger: RetryTrigger): void {
    if (this.#pending.size === 0) return;
    const active = this.#options.activePods();
    const waiting = active.filter((pod) => this.#pending.has(uidOf(pod)));
    const order = pendingOrder(
      waiting.map((pod) => ({
        pod,
        allocated: this.allocatedPod(pod),
        since: this.conditions.pending(uidOf(pod))?.lastTransitionTime,
      })),
    );
    for (const { pod } of order) this.#decide(pod, active, trigger);
  }

  /** Resolves when what was granted is on disk. */
  async flush(): Promise<void> {
    await Promise.all([this.#options.allocated.flush(), this.#options.actuated.flush()]);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#options.clock, RETRY_MS, signal);
      if (!signal.aborted) this.retry("periodic_retry");
    }
    await this.flush();
  }

  /** Perhaps it asks for other resources. */
  #updated(pod: Pod): void {
    const uid = uidOf(pod);
    const { generation = 0 } = pod.metadata;
    const granted = this.#options.allocated.get(uid);
    if (granted === undefined || this.#seen.get(uid) === generation) return;
    this.#seen.set(uid, generation);
    if (!isAllocated(pod, granted)) {
      this.#pending.add(uid);
      this.retry("pod_updated");
    } else {
      this.#pending.delete(uid);
      if (this.conditions.clearPending(uid)) this.#options.onChange(uid);
    }
  }

  #decide(pod: Pod, active: readonly Pod[], trigger: RetryTrigger): void {
    const { allocated, recorder, logger, onChange, onDeferredGranted } = this.#options;
    const uid = uidOf(pod);
    const { generation = 0 } = pod.metadata;
    const refusal = this.#refusal(pod, active);
    if (refusal === undefined) {
      this.#pending.delete(uid);
      allocated.set(uid, allocationOf(pod));
      if (this.conditions.pending(uid)?.reason === "Deferred") onDeferredGranted(trigger);
      this.conditions.clearPending(uid);
      this.conditions.clearInProgress(uid);
      this.conditions.setInProgress(uid, generation);
      logger.info("A pod's resize was granted", { pod: formatPod(pod), generation });
      recorder.event(pod, "Normal", "ResizeStarted", resizeMessage("started", pod, generation));
      onChange(uid);
      return;
    }
    const { reason, message } = refusal;
    if (reason === "Infeasible") this.#pending.delete(uid);
    const before = this.conditions.pending(uid);
    if (this.conditions.setPending(uid, reason, message, generation)) {
      const text = resizeMessage(reason, pod, generation, message);
      recorder.event(pod, "Warning", `Resize${reason}`, text);
    }
    if (before !== this.conditions.pending(uid)) onChange(uid);
  }

  #refusal(
    pod: Pod,
    active: readonly Pod[],
  ): { readonly reason: "Deferred" | "Infeasible"; readonly message: string } | undefined {
    const { allocatable } = this.#options;
    if (isStaticPod(pod))
      return { reason: "Infeasible", message: "In-place resize of static-pods is not supported" };
    // What no other pod stands in the way of will never fit.
    const [alone] = insufficientResources(pod, [], allocatable);
    if (alone !== undefined) {
      const message = alone.message.replace("enough resource", "enough capacity").replace(" used: 0,", "");
      return { reason: "Infeasible", message };
    }
    const others = active.filter((other) => uidOf(other) !== uidOf(pod));
    const held = others.map((other) => this.heldPod(other));
    const [shortage] = insufficientResources(pod, held, allocatable);
    return shortage === undefined ? undefined : { reason: "Deferred", message: shortage.message };
  }
}
