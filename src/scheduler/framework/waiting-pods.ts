/** Pods that have a node and wait for Permit plugins to let them go there. @module */
import type { Clock, Timer } from "#apimachinery";
import type { PodInfo } from "../cache/pod-info.ts";
import { unschedulable, type Status } from "./status.ts";

/** Upstream's bound on the wait. */
const PERMIT_TIMEOUT_MAX_MS = 15 * 60_000;

export class WaitingPod {
  readonly pod: PodInfo;
  readonly nodeName: string;
  readonly #pending = new Map<string, Timer>();
  readonly #done = Promise.withResolvers<Status | undefined>();
  #isDone = false;

  constructor(pod: PodInfo, nodeName: string, waits: ReadonlyMap<string, number>, clock: Clock) {
    this.pod = pod;
    this.nodeName = nodeName;
    for (const [plugin, timeoutMs] of waits) {
      const boundMs = Math.min(timeoutMs, PERMIT_TIMEOUT_MAX_MS);
      const message = `rejected due to timeout after waiting ${boundMs / 1000}s at plugin ${plugin}`;
      this.#pending.set(
        plugin,
        clock.after(boundMs, () => this.reject(plugin, message)),
      );
    }
  }

  /** The plugins that have not let it go yet. */
  get pendingPlugins(): readonly string[] {
    return [...this.#pending.keys()];
  }

  /** When every plugin that waits has allowed it, the pod goes on. */
  allow(plugin: string): void {
    this.#pending.get(plugin)?.cancel();
    this.#pending.delete(plugin);
    if (this.#pending.size === 0) this.#settle(undefined);
  }

  /** Whether it was still waiting. */
  reject(plugin: string, message: string): boolean {
    return this.#settle(unschedulable(plugin, message));
  }

  /** Its room goes to a more important pod. Whether it was still waiting. */
  preempt(plugin: string, message: string): boolean {
    return this.#settle({ code: "Error", reasons: [message], plugin });
  }

  /** Why it is refused; undefined: it may go on. */
  settled(): Promise<Status | undefined> {
    return this.#done.promise;
  }

  #settle(status: Status | undefined): boolean {
    for (const timer of this.#pending.values()) timer.cancel();
    this.#done.resolve(status);
    const wasWaiting = !this.#isDone;
    this.#isDone = true;
    return wasWaiting;
  }
}

export class WaitingPods {
  readonly #byUid = new Map<string, WaitingPod>();

  get size(): number {
    return this.#byUid.size;
  }

  get(uid: string): WaitingPod | undefined {
    return this.#byUid.get(uid);
  }

  values(): Iterable<WaitingPod> {
    return this.#byUid.values();
  }

  /** Whether there was one. */
  reject(uid: string): boolean {
    return this.#byUid.get(uid)?.reject("", "removed") === true;
  }

  add(waiting: WaitingPod): void {
    this.#byUid.set(waiting.pod.uid, waiting);
  }

  remove(uid: string): void {
    this.#byUid.delete(uid);
  }
}
