/** One worker per pod of the node, whatever its source; and the clean-up after pods that are gone. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { isStaticPod, uidOf } from "../container/pod-spec.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import { type KillOptions, PodWorker, type PodSyncer, type PodWorkerOptions } from "./pod-worker.ts";

export interface PodWorkersOptions {
  readonly syncer: PodSyncer & {
    tryPublish(pod: Pod): void;
    forget(uid: string): void;
    removeLeftovers(uid: string, signal: AbortSignal): Promise<void>;
    removeOrphan(runtimePod: RuntimePod, signal: AbortSignal): Promise<void>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pod has been forgotten by everyone. */
  readonly onGone: (uid: string) => void;
  /** Told of every step of a worker. */
  readonly onStep?: PodWorkerOptions["onStep"];
  readonly observer?: PodWorkersObserver;
}

/** Told of pods that come and go. */
export interface PodWorkersObserver {
  /** A pod has got a worker. */
  started(pod: Pod): void;
  /** A pod that went is there again, with the same uid. */
  restarted(pod: Pod): void;
  /** The runtime has a pod that nobody asked for. */
  orphaned(): void;
  /** What a pod has left could not be removed. */
  cleaningFailed(): void;
}

/** How the pods of the node are doing; upstream's words. */
export interface WorkingPods {
  readonly lifecycle: "sync" | "terminating" | "terminated";
  /** Whether its source still has it, or only the runtime. */
  readonly config: "desired" | "orphan" | "runtime_only";
  readonly isStatic: boolean;
}

interface Entry {
  readonly worker: PodWorker;
  readonly done: Promise<void>;
  /** Its source no longer has it. */
  removed: boolean;
  /** Its source has it again: a manifest that came back. It starts when the old one is gone. */
  again: Pod | undefined;
}

const LIFECYCLES = {
  syncing: "sync",
  terminating: "terminating",
  terminated: "terminated",
  finished: "terminated",
} as const;
const CLEANUP_TRIES_MAX = 5;
const CLEANUP_RETRY_MS = 1000;

export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #entries = new Map<string, Entry>();
  /** Pods that are being cleaned up, so that they are neither started nor cleaned twice. */
  readonly #cleaning = new Map<string, Promise<void>>();
  /** Those of them that only the runtime knew. */
  readonly #orphans = new Set<string>();
  readonly #signal: AbortSignal;

  constructor(options: PodWorkersOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  has(uid: string): boolean {
    return this.#entries.has(uid);
  }

  pod(uid: string): Pod | undefined {
    return this.#entries.get(uid)?.worker.pod;
  }

  pods(): readonly Pod[] {
    return [...this.#entries.values()].map(({ worker }) => worker.pod);
  }

  /** Pods that hold resources of the node: all but those that have ended. */
  activePods(): readonly Pod[] {
    return [...this.#entries.values()]
      .filter(({ worker }) => worker.state !== "finished" && !isTerminalPhase(worker.pod.status?.phase))
      .map(({ worker }) => worker.pod);
  }

  /** One entry for each pod that is known. */
  workingPods(): readonly WorkingPods[] {
    const known = [...this.#entries.values()].map(({ worker, removed }): WorkingPods => ({
      lifecycle: LIFECYCLES[worker.state],
      config: removed ? "orphan" : "desired",
      isStatic: isStaticPod(worker.pod),
    }));
    const orphan: WorkingPods = { lifecycle: "terminating", config: "runtime_only", isStatic: false };
    return [...known, ...[...this.#orphans].map(() => orphan)];
  }

  /** Nothing of the pod holds resources any more, or there is no such pod. */
  isFinished(uid: string): boolean {
    return (this.#entries.get(uid)?.worker.state ?? "finished") === "finished";
  }

  /** Resolves once nothing of the pod holds resources any more, or kubelet stops. */
  async whenFinished(uid: string): Promise<void> {
    await this.#entries.get(uid)?.done;
  }

  /** Images that pods mount as volumes, as their specs name them. */
  mountedImages(): ReadonlySet<string> {
    const volumes = this.activePods().flatMap(({ spec }) => spec?.volumes ?? []);
    return new Set(volumes.flatMap(({ image }) => image?.reference ?? []));
  }

  /** The pod is new, or has changed. */
  update(pod: Pod): void {
    const uid = uidOf(pod);
    const known = this.#entries.get(uid);
    if (known?.removed === true) {
      known.again = pod;
      return;
    }
    if (known !== undefined) {
      known.worker.update(pod);
      // Readiness gates are conditions that others set.
      if (pod.spec?.readinessGates !== undefined && known.worker.state === "syncing") {
        this.#options.syncer.tryPublish(pod);
      }
      return;
    }
    const { syncer, clock, logger, onStep, observer } = this.#options;
    const worker = new PodWorker({
      pod,
      syncer,
      clock,
      logger,
      onStep,
      onFinished: () => this.#finished(uid),
    });
    if (worker.state === "syncing") observer?.started(pod);
    this.#entries.set(uid, { worker, removed: false, again: undefined, done: worker.run(this.#signal) });
  }

  /** The pod has to end though its source keeps it. */
  terminate(uid: string, options: KillOptions): void {
    this.#entries.get(uid)?.worker.terminate(options);
  }

  /** Its source no longer has the pod: it ends, and nothing is kept. */
  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.removed = true;
    entry.again = undefined;
    if (entry.worker.state === "finished") this.#forget(uid);
    else {
      const grace = entry.worker.pod.metadata.deletionGracePeriodSeconds;
      entry.worker.terminate(grace === undefined ? {} : { gracePeriodSeconds: grace });
    }
  }

  wake(uid: string): void {
    this.#entries.get(uid)?.worker.wake();
  }

  /** The runtime shows a pod changed: tell the API, and if something ended let its worker look. An unknown pod is an orphan. */
  runtimeChanged(uid: string, runtimePod: RuntimePod | undefined, asksForWork: boolean): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) {
      if (entry.worker.state !== "finished") this.#options.syncer.tryPublish(entry.worker.pod);
      if (asksForWork) entry.worker.wake();
    } else if (runtimePod !== undefined) this.removeOrphan(runtimePod);
  }

  removeOrphan(runtimePod: RuntimePod): void {
    const { uid } = runtimePod;
    const { syncer, observer } = this.#options;
    if (this.#entries.has(uid) || this.#cleaning.has(uid)) return;
    observer?.orphaned();
    this.#orphans.add(uid);
    this.#clean(uid, (signal) => syncer.removeOrphan(runtimePod, signal));
  }

  /** Removes files and cgroups of a pod that nobody knows; false: of this one somebody does. */
  removeTraces(uid: string): boolean {
    if (this.#entries.has(uid)) return false;
    this.#clean(uid, (signal) => this.#options.syncer.removeLeftovers(uid, signal));
    return true;
  }

  /** Resolves when every worker has stopped; the signal must have been aborted. */
  async close(): Promise<void> {
    await Promise.all([...[...this.#entries.values()].map(({ done }) => done), ...this.#cleaning.values()]);
  }

  #finished(uid: string): void {
    if (this.#entries.get(uid)?.removed === true) this.#forget(uid);
  }

  #forget(uid: string): void {
    const again = this.#entries.get(uid)?.again;
    this.#entries.delete(uid);
    this.#options.syncer.forget(uid);
    this.#options.onGone(uid);
    this.#clean(uid, async (signal) => {
      await this.#options.syncer.removeLeftovers(uid, signal);
      if (again === undefined) return;
      this.#options.observer?.restarted(again);
      this.update(again);
    });
  }

  #clean(uid: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#cleaning.has(uid) || this.#signal.aborted) return;
    const task = this.#retry(uid, work).finally(() => {
      this.#cleaning.delete(uid);
      this.#orphans.delete(uid);
    });
    this.#cleaning.set(uid, task);
  }

  /**
   * A runtime may refuse for a moment, such as for a container that is being started: that is no fault, and waiting mends it.
   * What still fails at the last try is one; it is found again as an orphan by the next relist.
   */
  async #retry(uid: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, logger, observer } = this.#options;
    for (let tries = 1; tries <= CLEANUP_TRIES_MAX && !this.#signal.aborted; tries++) {
      try {
        await work(this.#signal);
        return;
      } catch (err) {
        if (this.#signal.aborted) return;
        if (tries === CLEANUP_TRIES_MAX) {
          logger.warn("Cleaning up after a pod failed", { uid, tries, err });
          observer?.cleaningFailed();
          return;
        }
        logger.info("Cleaning up after a pod is tried again", { uid, tries, reason: (err as Error).message });
        await pause(clock, CLEANUP_RETRY_MS * tries, this.#signal);
      }
    }
  }
}
