/** Brings the status of every pod to the API: only changes, newest last, one write per pod at a time; and ends deleted pods. @module */
import { type Clock, formatTime, isConflict, isNotFound, type Logger, pause } from "#apimachinery";
import type { Client } from "#client";
import { Pods } from "#api/core/v1/pod";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod, PodStatus } from "#api/core/v1/types.gen";
import { formatPod, isMirrorPod, uidOf } from "../container/pod-spec.ts";
import { Semaphore } from "../images/semaphore.ts";
import { reportableStatus, statusPatch, withTransitionTimes } from "./status-patch.ts";
import { terminateStatus } from "./terminate-status.ts";

export interface StatusManagerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pod as the API shows it: for a static pod its mirror; undefined when there is none. */
  readonly apiPod: (uid: string) => Pod | undefined;
  /** ResourceClaims of the pod are not unprepared yet. */
  readonly holdsClaims: (uid: string) => boolean;
  readonly observer?: StatusObserver;
}

/** Told of what becomes of statuses. */
export interface StatusObserver {
  /** The API has it: its answer, and how long that took from the first change on. */
  written(pod: Pod, seconds: number): void;
  /** A newly generated one. */
  changed(before: PodStatus, after: PodStatus): void;
}

interface Entry {
  status: PodStatus;
  /** Nothing of the pod is left on the node. */
  finished: boolean;
  /** Since when there is something to write, in monotonic time. */
  changedMs: number;
  dirty: boolean;
  syncing: boolean;
  failures: number;
  /** The API's answer to our last write, until the watch has caught up. */
  written: Pod | undefined;
}

/** Writes at the same time, over all pods. */
const WRITES_MAX = 16;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;

export class StatusManager {
  readonly #options: StatusManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #writes = new Semaphore(WRITES_MAX);
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();

  constructor(options: StatusManagerOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /** Takes a newly generated status. Phases never leave Succeeded and Failed. */
  set(pod: Pod, status: PodStatus): void {
    const uid = uidOf(pod);
    const previous = this.#entries.get(uid)?.status ?? pod.status ?? {};
    const kept = isTerminalPhase(previous.phase) ? { ...status, phase: previous.phase! } : status;
    const next = withTransitionTimes(kept, previous, formatTime(this.#options.clock.now()));
    const entry = this.#entries.get(uid) ?? newEntry(next);
    this.#options.observer?.changed(previous, next);
    entry.status = next;
    this.#entries.set(uid, entry);
    this.#sync(uid, entry);
  }

  /** Nothing of the pod is left: its status becomes final, and its object goes if it is to be deleted. */
  finish(pod: Pod): void {
    const uid = uidOf(pod);
    const entry = this.#entries.get(uid) ?? newEntry(pod.status ?? {});
    const final = terminateStatus(pod, entry.status);
    entry.status = withTransitionTimes(final, entry.status, formatTime(this.#options.clock.now()));
    entry.finished = true;
    this.#entries.set(uid, entry);
    this.#sync(uid, entry);
  }

  /** The API shows the pod changed: repair what others have overwritten, or delete. */
  podUpdated(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) this.#sync(uid, entry);
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Resolves when no write is under way any more. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
  }

  #sync(uid: string, entry: Entry): void {
    if (!entry.dirty) entry.changedMs = this.#options.clock.monotonicMs();
    entry.dirty = true;
    if (entry.syncing || this.#signal.aborted) return;
    entry.syncing = true;
    const task = this.#syncUntilClean(uid, entry).finally(() => {
      entry.syncing = false;
      this.#running.delete(task);
    });
    this.#running.add(task);
  }

  async #syncUntilClean(uid: string, entry: Entry): Promise<void> {
    const { logger, clock } = this.#options;
    // Changes of one moment go in one write.
    await Promise.resolve();
    while (entry.dirty && !this.#signal.aborted && this.#entries.get(uid) === entry) {
      entry.dirty = false;
      const { changedMs } = entry;
      try {
        const slot = await this.#writes.acquire(this.#signal);
        try {
          await this.#write(uid, entry, changedMs);
        } finally {
          slot.release();
        }
        entry.failures = 0;
      } catch (err) {
        if (this.#signal.aborted) return;
        entry.dirty = true;
        entry.changedMs = changedMs;
        entry.failures += 1;
        const delayMs = Math.min(RETRY_MIN_MS * 2 ** (entry.failures - 1), RETRY_MAX_MS);
        logger.warn("Writing a pod's status failed", { uid, err });
        await pause(clock, delayMs, this.#signal);
      }
    }
  }

  async #write(uid: string, entry: Entry, changedMs: number): Promise<void> {
    const { client, clock, apiPod, holdsClaims, observer } = this.#options;
    const shown = apiPod(uid);
    if (shown === undefined) return;
    const pod = newest(shown, entry.written);
    const told = reportableStatus(pod.status ?? {}, entry.status, holdsClaims(uid));
    const status = statusPatch(pod.status ?? {}, told);
    if (status !== undefined) {
      const body = { metadata: { uid: uidOf(pod) }, status };
      try {
        const options = { subresource: "status" };
        entry.written = await client.patch(
          Pods,
          refOf(pod),
          { type: "strategic", body },
          this.#signal,
          options,
        );
        observer?.written(entry.written, (clock.monotonicMs() - changedMs) / 1000);
      } catch (err) {
        // Gone, or replaced by another pod of the same name: the watch will tell.
        if (isNotFound(err) || isConflict(err)) return;
        throw err;
      }
    }
    if (entry.finished && pod.metadata.deletionTimestamp !== undefined && !isMirrorPod(pod))
      await this.#delete(pod);
  }

  async #delete(pod: Pod): Promise<void> {
    const { client, logger } = this.#options;
    try {
      const preconditions = { uid: uidOf(pod) };
      await client.delete(Pods, refOf(pod), this.#signal, { gracePeriodSeconds: 0, preconditions });
      logger.debug("Pod is gone from the API", { pod: formatPod(pod) });
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
  }
}

function newEntry(status: PodStatus): Entry {
  return {
    status,
    finished: false,
    changedMs: 0,
    dirty: false,
    syncing: false,
    failures: 0,
    written: undefined,
  };
}

function refOf(pod: Pod): { readonly namespace: string; readonly name: string } {
  return { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name };
}

/** What we wrote last may not have come back by the watch yet. */
function newest(shown: Pod, written: Pod | undefined): Pod {
  if (written === undefined || uidOf(written) !== uidOf(shown)) return shown;
  return revision(shown) >= revision(written) ? shown : written;
}

/** Resource versions of this server are numbers that grow (the v1.36 API promises as much). */
function revision(pod: Pod): bigint {
  const { resourceVersion = "0" } = pod.metadata;
  return /^\d+$/u.test(resourceVersion) ? BigInt(resourceVersion) : 0n;
}
