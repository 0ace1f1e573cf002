/**
 * Pods that wait for a node: active (to be tried now), backing off (to be tried soon), unschedulable (until something in the
 * cluster changes that may help), gated (until their gates are gone).
 * @module
 */
import type { Clock, Timer } from "#apimachinery";
import type { PodInfo } from "../cache/pod-info.ts";
import type { ClusterEvent } from "../framework/plugin.ts";
import type { Status } from "../framework/status.ts";
import { Heap } from "./heap.ts";

export interface QueuedPod {
  pod: PodInfo;
  /** Tries so far; the back-off grows with them. */
  attempts: number;
  /** When it entered the queue, ms; ties of priority go by it. */
  readonly queuedAt: number;
  /** When it was last tried, ms. */
  triedAt: number;
  refusedBy: ReadonlySet<string>;
}

export interface QueueHooks {
  readonly preEnqueue: (pod: PodInfo) => Status | undefined;
  readonly mayHelp: (event: ClusterEvent, pod: PodInfo, refusedBy: ReadonlySet<string>) => boolean;
}

const BACKOFF_MS = 1_000;
const BACKOFF_MAX_MS = 10_000;
/** A pod that nothing helped is tried again after this all the same: hints may be wrong. */
const UNSCHEDULABLE_MAX_MS = 5 * 60_000;

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #hooks: QueueHooks;
  readonly #active = new Heap<QueuedPod>(
    (a, b) =>
      a.pod.priority > b.pod.priority || (a.pod.priority === b.pod.priority && a.queuedAt < b.queuedAt),
  );
  readonly #backoff = new Heap<QueuedPod>((a, b) => backoffEnd(a) < backoffEnd(b));
  readonly #unschedulable = new Set<QueuedPod>();
  readonly #gated = new Set<QueuedPod>();
  readonly #byUid = new Map<string, QueuedPod>();
  #timer: Timer | undefined;
  #waiting = Promise.withResolvers<void>();

  constructor(clock: Clock, hooks: QueueHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get lengths(): Readonly<Record<"active" | "backoff" | "unschedulable" | "gated", number>> {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size,
      unschedulable: this.#unschedulable.size,
      gated: this.#gated.size,
    };
  }

  /** A new pod, or one whose spec changed: it is tried at once. No effect while it is in a cycle of its own. */
  add(pod: PodInfo): void {
    const known = this.#byUid.get(pod.uid);
    if (known === undefined) {
      const now = this.#clock.now();
      const queued = { pod, attempts: 0, queuedAt: now, triedAt: now, refusedBy: new Set<string>() };
      this.#byUid.set(pod.uid, queued);
      return this.#enter(queued);
    }
    const isWaiting = this.#takeOut(known);
    known.pod = pod;
    if (isWaiting) this.#enter(known);
  }

  /** Gone, bound, or not ours any more. */
  delete(uid: string): void {
    const known = this.#byUid.get(uid);
    if (known === undefined) return;
    this.#byUid.delete(uid);
    this.#takeOut(known);
  }

  /** The most urgent pod; the caller gives it back by `addUnschedulable` or `addBackoff`, or takes it away by `delete`. */
  pop(): QueuedPod | undefined {
    const queued = this.#active.pop();
    if (queued === undefined) return undefined;
    queued.attempts++;
    queued.triedAt = this.#clock.now();
    return queued;
  }

  /** Resolves when `pop` may have something. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#active.size > 0 || signal.aborted) return;
    this.#waiting = Promise.withResolvers();
    const stop = (): void => this.#waiting.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await this.#waiting.promise;
    signal.removeEventListener("abort", stop);
  }

  addUnschedulable(queued: QueuedPod, refusedBy: ReadonlySet<string>): void {
    if (this.#byUid.get(queued.pod.uid) !== queued) return;
    queued.refusedBy = refusedBy;
    this.#unschedulable.add(queued);
    this.#setTimer();
  }

  /** For failures that time alone may heal. */
  addBackoff(queued: QueuedPod): void {
    if (this.#byUid.get(queued.pod.uid) !== queued) return;
    this.#backoff.push(queued);
    this.#setTimer();
  }

  /** Brings back the pods that the event may help. */
  move(event: ClusterEvent): void {
    for (const queued of this.#unschedulable) {
      if (!this.#hooks.mayHelp(event, queued.pod, queued.refusedBy)) continue;
      this.#unschedulable.delete(queued);
      this.#retry(queued);
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #enter(queued: QueuedPod): void {
    if (this.#hooks.preEnqueue(queued.pod) !== undefined) {
      this.#gated.add(queued);
      return;
    }
    this.#active.push(queued);
    this.#waiting.resolve();
  }

  #retry(queued: QueuedPod): void {
    if (backoffEnd(queued) > this.#clock.now()) {
      this.#backoff.push(queued);
      this.#setTimer();
    } else this.#enter(queued);
  }

  #takeOut(queued: QueuedPod): boolean {
    return (
      this.#active.remove(queued) ||
      this.#backoff.remove(queued) ||
      this.#unschedulable.delete(queued) ||
      this.#gated.delete(queued)
    );
  }

  /** One timer for the next thing that falls due. */
  #setTimer(): void {
    this.#timer?.cancel();
    const oldest = this.#unschedulable.values().next().value; // a Set keeps the order of insertion
    const dues = [
      ...(this.#backoff.size > 0 ? [backoffEnd(this.#backoff.peek()!)] : []),
      ...(oldest === undefined ? [] : [oldest.triedAt + UNSCHEDULABLE_MAX_MS]),
    ];
    if (dues.length === 0) return;
    this.#timer = this.#clock.after(Math.max(0, Math.min(...dues) - this.#clock.now()), () => this.#flush());
  }

  #flush(): void {
    const now = this.#clock.now();
    while (this.#backoff.size > 0 && backoffEnd(this.#backoff.peek()!) <= now)
      this.#enter(this.#backoff.pop()!);
    for (const queued of this.#unschedulable) {
      if (queued.triedAt + UNSCHEDULABLE_MAX_MS > now) break;
      this.#unschedulable.delete(queued);
      this.#retry(queued);
    }
    this.#setTimer();
  }
}

function backoffEnd({ triedAt, attempts }: QueuedPod): number {
  if (attempts === 0) return triedAt;
  return triedAt + Math.min(BACKOFF_MS * 2 ** (attempts - 1), BACKOFF_MAX_MS);
}
