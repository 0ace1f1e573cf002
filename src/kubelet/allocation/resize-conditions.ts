/** PodResizePending and PodResizeInProgress of every pod, as kubelet last decided. @module */
import { type Clock, formatTime } from "#apimachinery";
import type { Pod, PodCondition } from "#api/core/v1/types.gen";

type ResizeConditionType = "PodResizePending" | "PodResizeInProgress";

export type PendingReason = "Deferred" | "Infeasible";

interface Entry {
  pending?: PodCondition | undefined;
  inProgress?: PodCondition | undefined;
}

/** At most one entry per pod of the node. */
export class ResizeConditions {
  readonly #clock: Clock;
  readonly #pods = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In upstream's order. */
  list(uid: string): readonly PodCondition[] {
    const { pending, inProgress } = this.#pods.get(uid) ?? {};
    return [pending, inProgress].filter((condition) => condition !== undefined);
  }

  /** How many wait, by their reason. */
  pendingReasons(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { pending } of this.#pods.values()) {
      const { reason } = pending ?? {};
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return counts;
  }

  /** How many are being carried out. */
  inProgressCount(): number {
    return [...this.#pods.values()].filter(({ inProgress }) => inProgress !== undefined).length;
  }

  pending(uid: string): PodCondition | undefined {
    return this.#pods.get(uid)?.pending;
  }

  inProgress(uid: string): PodCondition | undefined {
    return this.#pods.get(uid)?.inProgress;
  }

  /** True when its reason or generation is new. */
  setPending(uid: string, reason: PendingReason, message: string, generation: number): boolean {
    const entry = this.#entry(uid);
    const before = entry.pending;
    entry.pending = this.#condition("PodResizePending", before, reason, message, generation);
    return before?.reason !== reason || before.observedGeneration !== generation;
  }

  clearPending(uid: string): boolean {
    const entry = this.#pods.get(uid);
    if (entry?.pending === undefined) return false;
    entry.pending = undefined;
    this.#tidy(uid, entry);
    return true;
  }

  /** A condition that is there keeps its generation, and an error until it is cleared. True when something is new. */
  setInProgress(uid: string, generation: number, error?: string): boolean {
    const entry = this.#entry(uid);
    const before = entry.inProgress;
    const reason = error === undefined ? before?.reason : "Error";
    const message = error ?? before?.message;
    const observed = before?.observedGeneration ?? generation;
    entry.inProgress = this.#condition("PodResizeInProgress", before, reason, message, observed);
    return before === undefined || before.reason !== reason || before.message !== message;
  }

  /** The generation of the resize that is no longer in progress; undefined when none was. */
  clearInProgress(uid: string): number | undefined {
    const entry = this.#pods.get(uid);
    if (entry?.inProgress === undefined) return undefined;
    const { observedGeneration = 0 } = entry.inProgress;
    entry.inProgress = undefined;
    this.#tidy(uid, entry);
    return observedGeneration;
  }

  /** Takes over what an earlier kubelet told. */
  backfill(uid: string, { status }: Pod): void {
    if (this.#pods.has(uid)) return;
    const of = (type: ResizeConditionType): PodCondition | undefined =>
      status?.conditions?.find((condition) => condition.type === type);
    const [pending, inProgress] = [of("PodResizePending"), of("PodResizeInProgress")];
    if (pending !== undefined || inProgress !== undefined) this.#pods.set(uid, { pending, inProgress });
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  #entry(uid: string): Entry {
    let entry = this.#pods.get(uid);
    if (entry === undefined) this.#pods.set(uid, (entry = {}));
    return entry;
  }

  #tidy(uid: string, { pending, inProgress }: Entry): void {
    if (pending === undefined && inProgress === undefined) this.#pods.delete(uid);
  }

  #condition(
    type: ResizeConditionType,
    before: PodCondition | undefined,
    reason: string | undefined,
    message: string | undefined,
    observedGeneration: number,
  ): PodCondition {
    const now = formatTime(this.#clock.now());
    const same = before !== undefined && before.reason === reason;
    if (same && before.message === message && before.observedGeneration === observedGeneration) return before;
    return {
      type,
      status: "True",
      observedGeneration,
      lastProbeTime: now,
      lastTransitionTime: same ? (before.lastTransitionTime ?? now) : now,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && message !== "" && { message }),
    };
  }
}
