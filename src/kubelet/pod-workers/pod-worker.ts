/**
 * The life of one pod on this node: syncing until it is to end, terminating until nothing of it runs, terminated until
 * nothing of it is left. Steps never overlap; the worker decides only which one is next.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Clock, type Logger, WakeablePause } from "#apimachinery";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod, PodCondition } from "#api/core/v1/types.gen";
import { formatPod, uidOf } from "../container/pod-spec.ts";
import { Backoff } from "./backoff.ts";

export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  /** Told with the failure. */
  readonly condition?: PodCondition;
}

export interface KillOptions {
  /** Overrides what the pod says; a shorter one than before replaces it. */
  readonly gracePeriodSeconds?: number;
  /** The pod fails with this: an eviction, a deadline. */
  readonly failure?: PodFailure;
}

export interface SyncResult {
  /** The pod has run to its end. */
  readonly isTerminal: boolean;
  /** Sync again then, if nothing changes before. */
  readonly retryAtMs?: number;
  /** Something failed without a time of its own: back off. */
  readonly failed?: boolean;
}

/** What a worker does in each state. All are idempotent and may be run again after a failure. */
export interface PodSyncer {
  syncPod(pod: Pod, signal: AbortSignal): Promise<SyncResult>;
  /** Resolves when no container of the pod runs. */
  syncTerminatingPod(pod: Pod, options: KillOptions, signal: AbortSignal): Promise<void>;
  /** Gives back the pod's volumes and cgroups and reports its end. */
  syncTerminatedPod(pod: Pod, options: KillOptions, signal: AbortSignal): Promise<void>;
}

export type PodWorkerState = "syncing" | "terminating" | "terminated" | "finished";

export interface PodWorkerOptions {
  readonly pod: Pod;
  readonly syncer: PodSyncer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFinished: (uid: string) => void;
  /** How long each step took. */
  readonly onStep?:
    | ((operation: "create" | "sync" | "kill", seconds: number, uid: string) => void)
    | undefined;
}

const RETRY = { initialMs: 1000, maxMs: 10_000 };

export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #retries: Backoff;
  #pod: Pod;
  #state: PodWorkerState = "syncing";
  #kill: KillOptions = {};
  /** Ends the step under way, so that a more urgent one can follow. */
  #step = new AbortController();
  #due = true;
  #isFirst = true;
  #dueAtMs: number | undefined;
  readonly #rest: WakeablePause;

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
    this.#pod = options.pod;
    this.#retries = new Backoff(options.clock, RETRY);
    if (isTerminalPhase(options.pod.status?.phase)) this.#state = "terminating";
    this.update(options.pod);
  }

  get pod(): Pod {
    return this.#pod;
  }

  get state(): PodWorkerState {
    return this.#state;
  }

  /** The pod has changed in the API. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      this.terminate(
        deletionGracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: deletionGracePeriodSeconds },
      );
    } else if (isTerminalPhase(pod.status?.phase)) this.terminate({});
    else if (isOtherSpec(before, pod)) this.wake();
  }

  /** The pod has to end. A second call can only make it end sooner. */
  terminate(options: KillOptions): void {
    if (this.#state === "terminated" || this.#state === "finished") return;
    const before = this.#kill.gracePeriodSeconds;
    const wanted = options.gracePeriodSeconds;
    const shorter = wanted !== undefined && (before === undefined || wanted < before);
    const failure = this.#kill.failure ?? options.failure;
    this.#kill = {
      ...(shorter ? { gracePeriodSeconds: wanted } : before !== undefined && { gracePeriodSeconds: before }),
      ...(failure !== undefined && { failure }),
    };
    const urgent = this.#state === "syncing" || (shorter && before !== undefined);
    this.#state = "terminating";
    if (urgent) {
      this.#step.abort(new Error(`Pod ${formatPod(this.#pod)} is terminating`));
      this.wake();
    }
  }

  /** Something that a step depends on has changed. */
  wake(): void {
    this.#due = true;
    this.#rest.wake();
  }

  /** Resolves when the pod is finished, or `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#state !== "finished") {
      await this.#wait(signal);
      if (signal.aborted) return;
      this.#due = false;
      this.#dueAtMs = undefined;
      this.#step = new AbortController();
      await this.#runStep(AbortSignal.any([signal, this.#step.signal]), signal);
    }
  }

  async #runStep(step: AbortSignal, signal: AbortSignal): Promise<void> {
    const { logger, clock, onStep } = this.#options;
    const state = this.#state;
    const operation = state !== "syncing" ? "kill" : this.#isFirst ? "create" : "sync";
    this.#isFirst = false;
    const startMs = clock.monotonicMs();
    try {
      if (state === "syncing") this.#synced(await this.#options.syncer.syncPod(this.#pod, step));
      else if (state === "terminating") {
        await this.#options.syncer.syncTerminatingPod(this.#pod, this.#kill, step);
        this.#become("terminated");
      } else {
        await this.#options.syncer.syncTerminatedPod(this.#pod, this.#kill, step);
        this.#become("finished");
        this.#options.onFinished(uidOf(this.#pod));
      }
    } catch (err) {
      if (signal.aborted) return;
      if (this.#step.signal.aborted) {
        this.wake();
        return;
      }
      logger.warn("Pod sync failed", { pod: formatPod(this.#pod), state, err });
      this.#backOff();
    } finally {
      onStep?.(operation, (clock.monotonicMs() - startMs) / 1000, uidOf(this.#pod));
    }
  }

  #synced({ isTerminal, retryAtMs, failed }: SyncResult): void {
    if (this.#state !== "syncing") return;
    if (isTerminal) return this.#become("terminating");
    if (failed === true) this.#backOff();
    else this.#retries.reset("");
    if (retryAtMs !== undefined) this.#dueAtMs = Math.min(this.#dueAtMs ?? Infinity, retryAtMs);
  }

  #become(state: PodWorkerState): void {
    this.#state = state;
    this.#due = true;
    this.#retries.reset("");
  }

  #backOff(): void {
    const { clock } = this.#options;
    this.#retries.next("", clock.now());
    this.#dueAtMs = Math.min(this.#dueAtMs ?? Infinity, clock.now() + this.#retries.delayMs(""));
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#due) return Promise.resolve();
    if (this.#dueAtMs === undefined) return this.#rest.wait(undefined, signal);
    const delayMs = Math.max(0, this.#dueAtMs - this.#options.clock.now());
    return this.#rest.wait(Math.min(delayMs, TIMER_MAX_MS), signal);
  }
}

/** Our own status comes back as an update too, and asks for nothing. */
function isOtherSpec(before: Pod, after: Pod): boolean {
  const { generation, labels, annotations } = before.metadata;
  const next = after.metadata;
  return (
    generation === undefined ||
    generation !== next.generation ||
    !isDeepStrictEqual(labels, next.labels) ||
    !isDeepStrictEqual(annotations, next.annotations)
  );
}

/** Longer timers overflow; waking early does no harm. */
const TIMER_MAX_MS = 2 ** 31 - 1;
