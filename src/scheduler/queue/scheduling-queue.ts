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
  /** The plugins that such events concern at all. */
  readonly concerned: (event: ClusterEvent) => readonly string[];
  /** Whether the event may help a pod that this plugin refused. */
  readonly mayHelp: (event: ClusterEvent, pod: PodInfo, plugin: string) => boolean;
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
  /** Pods that fitted nowhere and that an event may have helped: tried before their time if nothing else is to do. */
  readonly #backoff = new Heap<QueuedPod>((a, b) => backoffEnd(a) < backoffEnd(b));
  /** Pods whose binding failed: they wait until their time has come. */
  readonly #errorBackoff = new Heap<QueuedPod>((a, b) => backoffEnd(a) < backoffEnd(b));
  readonly #unschedulable = new Set<QueuedPod>();
  /** The unschedulable ones by each plugin that refused them. */
  readonly #refusedBy = new Map<string, Set<QueuedPod>>();
  readonly #gated = new Set<QueuedPod>();
  readonly #byUid = new Map<string, QueuedPod>();
  #timer: Timer | undefined;
  /** When it fires, ms. */
  #timerAt = Infinity;
  #waiting = Promise.withResolvers<void>();

  constructor(clock: Clock, hooks: QueueHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get lengths(): Readonly<Record<"active" | "backoff" | "unschedulable" | "gated", number>> {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
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

  /** A newer state of a pod that asks for the same as before: it stays where it waits. */
  update(pod: PodInfo): void {
    const known = this.#byUid.get(pod.uid);
    if (known !== undefined) known.pod = pod;
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
    const queued = this.#active.pop() ?? this.#backoff.pop();
    if (queued === undefined) return undefined;
    queued.attempts++;
    queued.triedAt = this.#clock.now();
    return queued;
  }

  /** Resolves when `pop` may have something. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#active.size + this.#backoff.size > 0 || signal.aborted) return;
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
    for (const plugin of refusedBy.size > 0 ? refusedBy : ANYTHING) {
      const waiting = this.#refusedBy.get(plugin) ?? new Set();
      this.#refusedBy.set(plugin, waiting.add(queued));
    }
    this.#setTimer();
  }

  /** For failures that time alone may heal. */
  addBackoff(queued: QueuedPod): void {
    if (this.#byUid.get(queued.pod.uid) !== queued) return;
    this.#errorBackoff.push(queued);
    this.#setTimer();
  }

  /** Something was done for this pod: it is tried again after its back-off. No effect on pods that are not waiting. */
  activate(uid: string): void {
    const queued = this.#byUid.get(uid);
    if (queued !== undefined && this.#removeUnschedulable(queued)) this.#retry(queued);
  }

  /** As `activate` for a pod that `pop` gave. */
  giveBack(queued: QueuedPod): void {
    if (this.#byUid.get(queued.pod.uid) === queued) this.#retry(queued);
  }

  /** Brings back the pods that the event may help. */
  move(event: ClusterEvent): void {
    if (this.#unschedulable.size === 0) return;
    for (const queued of this.#refusedBy.get(ANY) ?? NONE) {
      this.#removeUnschedulable(queued);
      this.#retry(queued);
    }
    for (const plugin of this.#hooks.concerned(event)) {
      for (const queued of this.#refusedBy.get(plugin) ?? NONE) {
        if (!this.#hooks.mayHelp(event, queued.pod, plugin)) continue;
        this.#removeUnschedulable(queued);
        this.#retry(queued);
      }
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
      this.#waiting.resolve();
    } else this.#enter(queued);
  }

  #removeUnschedulable(queued: QueuedPod): boolean {
    if (!this.#unschedulable.delete(queued)) return false;
    for (const plugin of queued.refusedBy.size > 0 ? queued.refusedBy : ANYTHING)
      this.#refusedBy.get(plugin)?.delete(queued);
    return true;
  }

  #takeOut(queued: QueuedPod): boolean {
    return (
      this.#active.remove(queued) ||
      this.#backoff.remove(queued) ||
      this.#errorBackoff.remove(queued) ||
      this.#removeUnschedulable(queued) ||
      this.#gated.delete(queued)
    );
  }

  /** One timer for the next thing that falls due. */
  #setTimer(): void {
    const oldest = this.#unschedulable.values().next().value; // a Set keeps the order of insertion
    const dues = [
      ...[this.#backoff, this.#errorBackoff]
        .filter(({ size }) => size > 0)
        .map((heap) => backoffEnd(heap.peek()!)),
      ...(oldest === undefined ? [] : [oldest.triedAt + UNSCHEDULABLE_MAX_MS]),
    ];
    if (dues.length === 0) return;
    const dueAt = Math.min(...dues);
    if (dueAt >= this.#timerAt) return; // a timer that fires too early does no harm
    this.#timer?.cancel();
    this.#timerAt = dueAt;
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.#flush());
  }

  #flush(): void {
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    for (const heap of [this.#backoff, this.#errorBackoff])
      while (heap.size > 0 && backoffEnd(heap.peek()!) <= now) this.#enter(heap.pop()!);
    for (const queued of this.#unschedulable) {
      if (queued.triedAt + UNSCHEDULABLE_MAX_MS > now) break;
      this.#removeUnschedulable(queued);
      this.#retry(queued);
    }
    this.#setTimer();
  }
}

/** In place of a plugin for pods that nobody refused, as when there are no nodes: every event may help. */
const ANY = "*";
const ANYTHING: readonly string[] = [ANY];
const NONE: ReadonlySet<QueuedPod> = new Set();

function backoffEnd({ triedAt, attempts }: QueuedPod): number {
  if (attempts === 0) return triedAt;
  return triedAt + Math.min(BACKOFF_MS * 2 ** (attempts - 1), BACKOFF_MAX_MS);
}
