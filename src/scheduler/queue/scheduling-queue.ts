/**
 * Pods that wait for a node: active (to be tried now), backing off (to be tried soon), unschedulable (until something in the
 * cluster changes that may help), gated (until a PreEnqueue plugin lets them in).
 * @module
 */
import { Heap, type Clock, type Timer } from "#apimachinery";
import type { PodInfo } from "../cache/pod-info.ts";
import {
  labelOf,
  UNSCHEDULED_POD_ADD,
  UNSCHEDULED_POD_UPDATE,
  type ClusterEvent,
} from "../framework/cluster-event.ts";
import type { Status } from "../framework/status.ts";
import { EventLog } from "./event-log.ts";
import type { QueuedPod } from "./queued-pod.ts";

export type QueueName = "active" | "backoff" | "unschedulable" | "gated";

export interface QueueHooks {
  /** QueueSort. */
  readonly less: (a: QueuedPod, b: QueuedPod) => boolean;
  readonly preEnqueue: (pod: PodInfo) => Status | undefined;
  /** The plugins that such events concern at all. */
  readonly concerned: (event: ClusterEvent) => readonly string[];
  /** Whether the event may help a pod that this plugin refused. */
  readonly mayHelp: (event: ClusterEvent, pod: PodInfo, plugin: string) => boolean;
  /** A pod enters a queue, and why. */
  readonly entered?: (queue: QueueName, cause: string) => void;
}

export interface QueueOptions {
  /** Upstream's podInitialBackoffSeconds and podMaxBackoffSeconds. */
  readonly backoffMs?: number;
  readonly backoffMaxMs?: number;
}

const BACKOFF_MS = 1_000;
const BACKOFF_MAX_MS = 10_000;
/** A pod that nothing helped is tried again after this all the same: hints may be wrong. */
const UNSCHEDULABLE_MAX_MS = 5 * 60_000;

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #hooks: QueueHooks;
  readonly #backoffMs: number;
  readonly #backoffMaxMs: number;
  readonly #active: Heap<QueuedPod>;
  /** Pods that fitted nowhere and that an event may have helped: tried before their time if nothing else is to do. */
  readonly #backoff: Heap<QueuedPod>;
  /** Pods whose binding failed: they wait until their time has come. */
  readonly #errorBackoff: Heap<QueuedPod>;
  readonly #unschedulable = new Set<QueuedPod>();
  /** The unschedulable ones by each plugin that refused them. */
  readonly #refusedBy = new Map<string, Set<QueuedPod>>();
  /** By the PreEnqueue plugin that keeps them out. */
  readonly #gated = new Map<string, Set<QueuedPod>>();
  #gatedCount = 0;
  readonly #byUid = new Map<string, QueuedPod>();
  readonly #log = new EventLog();
  #timer: Timer | undefined;
  /** When it fires, ms. */
  #timerAt = Infinity;
  #waiting = Promise.withResolvers<void>();

  constructor(clock: Clock, hooks: QueueHooks, options: QueueOptions = {}) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.#backoffMs = options.backoffMs ?? BACKOFF_MS;
    this.#backoffMaxMs = options.backoffMaxMs ?? BACKOFF_MAX_MS;
    const sooner = (a: QueuedPod, b: QueuedPod): boolean => this.#backoffEnd(a) < this.#backoffEnd(b);
    this.#active = new Heap(hooks.less);
    this.#backoff = new Heap(sooner);
    this.#errorBackoff = new Heap(sooner);
  }

  get lengths(): Readonly<Record<QueueName, number>> {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
      unschedulable: this.#unschedulable.size,
      gated: this.#gatedCount,
    };
  }

  /** Events kept for pods under way, and those pods as `PodPopped`, by label. */
  get eventsKept(): ReadonlyMap<string, number> {
    return this.#log.counts;
  }

  /** The unschedulable pods by the plugins that refused them. */
  get refusals(): ReadonlyMap<string, ReadonlySet<QueuedPod>> {
    return this.#refusedBy;
  }

  /** A new pod, or one whose spec changed: it is tried at once. No effect while it is in a cycle of its own. */
  add(pod: PodInfo): void {
    const known = this.#byUid.get(pod.uid);
    if (known === undefined) {
      const queued = newQueuedPod(pod, this.#clock.now());
      this.#byUid.set(pod.uid, queued);
      return this.#enter(queued, UNSCHEDULED_POD_ADD);
    }
    const isWaiting = this.#takeOut(known);
    known.pod = pod;
    if (isWaiting) this.#enter(known, UNSCHEDULED_POD_UPDATE);
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
    this.#log.end(known);
    this.#takeOut(known);
  }

  /** The most urgent pod; the caller gives it back by `addUnschedulable` or `addBackoff`, or takes it away by `delete`. */
  pop(): QueuedPod | undefined {
    let queued = this.#active.pop();
    if (queued === undefined) {
      queued = this.#backoff.pop();
      if (queued === undefined) return undefined;
      this.#hooks.entered?.("active", "PopFromBackoffQ");
    }
    queued.attempts++;
    queued.triedAt = this.#clock.now();
    queued.firstTriedAt ??= queued.triedAt;
    this.#log.start(queued);
    return queued;
  }

  /** The pod has its node: from here on it comes back by an error only, and no event matters to it. */
  done(queued: QueuedPod): void {
    this.#log.end(queued);
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

  /** Until an event helps; one that came since `pop` counts. */
  addUnschedulable(queued: QueuedPod, refusedBy: ReadonlySet<string>): void {
    const missed = this.#log.end(queued);
    if (this.#byUid.get(queued.pod.uid) !== queued) return;
    queued.refusedBy = refusedBy;
    queued.unschedulableCount++;
    queued.errorCount = 0;
    queued.wasFlushed = false;
    const helper = missed?.find((event) => this.#helps(event, queued));
    if (missed === undefined) return this.#retry(queued, "ScheduleAttemptFailure");
    if (helper !== undefined) return this.#retry(queued, labelOf(helper));
    this.#unschedulable.add(queued);
    for (const plugin of pluginsOf(queued)) {
      const waiting = this.#refusedBy.get(plugin) ?? new Set();
      this.#refusedBy.set(plugin, waiting.add(queued));
    }
    this.#hooks.entered?.("unschedulable", "ScheduleAttemptFailure");
    this.#setTimer();
  }

  /** For failures that time alone may heal. */
  addBackoff(queued: QueuedPod): void {
    this.#log.end(queued);
    if (this.#byUid.get(queued.pod.uid) !== queued) return;
    queued.errorCount++;
    this.#hooks.entered?.("backoff", "ScheduleAttemptFailure");
    this.#errorBackoff.push(queued);
    this.#setTimer();
  }

  /** Something was done for this pod: it is tried again after its back-off. No effect on pods that are not waiting. */
  activate(uid: string): void {
    const queued = this.#byUid.get(uid);
    if (queued !== undefined && this.#removeUnschedulable(queued)) this.#retry(queued, "ForceActivate");
  }

  /** Brings back the pods that the event may help. */
  move(event: ClusterEvent): void {
    this.#log.add(event);
    if (this.#unschedulable.size + this.#gatedCount === 0) return;
    const cause = labelOf(event);
    for (const queued of this.#refusedBy.get(ANY) ?? NONE) this.#bringBack(queued, cause);
    for (const plugin of this.#hooks.concerned(event)) {
      for (const queued of this.#refusedBy.get(plugin) ?? NONE)
        if (this.#hooks.mayHelp(event, queued.pod, plugin)) this.#bringBack(queued, cause);
      for (const queued of (this.#gated.get(plugin) ?? NONE).values().toArray()) {
        if (!this.#hooks.mayHelp(event, queued.pod, plugin)) continue;
        this.#removeGated(queued);
        this.#enter(queued, cause);
      }
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #helps(event: ClusterEvent, queued: QueuedPod): boolean {
    if (queued.refusedBy.size === 0) return true;
    return this.#hooks
      .concerned(event)
      .some((plugin) => queued.refusedBy.has(plugin) && this.#hooks.mayHelp(event, queued.pod, plugin));
  }

  #enter(queued: QueuedPod, cause: string): void {
    const gate = this.#hooks.preEnqueue(queued.pod);
    if (gate !== undefined) {
      queued.gatedBy = gate.plugin;
      const gated = this.#gated.get(gate.plugin) ?? new Set();
      this.#gated.set(gate.plugin, gated.add(queued));
      this.#gatedCount++;
      this.#hooks.entered?.("gated", cause);
      return;
    }
    this.#hooks.entered?.("active", cause);
    this.#active.push(queued);
    this.#waiting.resolve();
  }

  #bringBack(queued: QueuedPod, cause: string): void {
    this.#removeUnschedulable(queued);
    this.#retry(queued, cause);
  }

  #retry(queued: QueuedPod, cause: string): void {
    if (this.#backoffEnd(queued) <= this.#clock.now()) return this.#enter(queued, cause);
    this.#hooks.entered?.("backoff", cause);
    this.#backoff.push(queued);
    this.#setTimer();
    this.#waiting.resolve();
  }

  #removeUnschedulable(queued: QueuedPod): boolean {
    if (!this.#unschedulable.delete(queued)) return false;
    for (const plugin of pluginsOf(queued)) this.#refusedBy.get(plugin)?.delete(queued);
    return true;
  }

  #removeGated(queued: QueuedPod): boolean {
    if (queued.gatedBy === undefined) return false;
    this.#gated.get(queued.gatedBy)?.delete(queued);
    queued.gatedBy = undefined;
    this.#gatedCount--;
    return true;
  }

  #takeOut(queued: QueuedPod): boolean {
    return (
      this.#active.remove(queued) ||
      this.#backoff.remove(queued) ||
      this.#errorBackoff.remove(queued) ||
      this.#removeUnschedulable(queued) ||
      this.#removeGated(queued)
    );
  }

  /** One timer for the next thing that falls due. */
  #setTimer(): void {
    const oldest = this.#unschedulable.values().next().value; // a Set keeps the order of insertion
    const dues = [
      ...[this.#backoff, this.#errorBackoff]
        .filter(({ size }) => size > 0)
        .map((heap) => this.#backoffEnd(heap.peek()!)),
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
      while (heap.size > 0 && this.#backoffEnd(heap.peek()!) <= now)
        this.#enter(heap.pop()!, "BackoffComplete");
    for (const queued of this.#unschedulable) {
      if (queued.triedAt + UNSCHEDULABLE_MAX_MS > now) break;
      queued.wasFlushed = true;
      this.#bringBack(queued, "UnschedulableTimeout");
    }
    this.#setTimer();
  }

  #backoffEnd({ triedAt, unschedulableCount, errorCount }: QueuedPod): number {
    const count = errorCount > 0 ? errorCount : unschedulableCount;
    if (count === 0) return triedAt;
    return triedAt + Math.min(this.#backoffMs * 2 ** (count - 1), this.#backoffMaxMs);
  }
}

/** In place of a plugin for pods that nobody refused, as when there are no nodes: every event may help. */
const ANY = "*";
const ANYTHING: readonly string[] = [ANY];
const NONE: ReadonlySet<QueuedPod> = new Set();

function pluginsOf({ refusedBy }: QueuedPod): Iterable<string> {
  return refusedBy.size > 0 ? refusedBy : ANYTHING;
}

export function newQueuedPod(pod: PodInfo, nowMs: number): QueuedPod {
  return {
    pod,
    attempts: 0,
    unschedulableCount: 0,
    errorCount: 0,
    queuedAt: nowMs,
    firstTriedAt: undefined,
    triedAt: nowMs,
    refusedBy: new Set(),
    gatedBy: undefined,
    wasFlushed: false,
  };
}
