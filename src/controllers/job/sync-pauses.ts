/** Batches changes of pods: a Job with many of them is synced only so often. Upstream waits a second, whatever the Job. @module */
import type { Clock, ObjectKey } from "#apimachinery";
import type { Job } from "#api/batch/v1/types.gen";

/** Of pods that are open: 1,000 of them give every sync a tenth of a second. */
const PAUSE_MS_PER_POD = 0.1;
/** Upstream's SyncJobBatchPeriod. */
const PAUSE_MAX_MS = 1_000;
/** Shorter ones save nothing. */
const PAUSE_MIN_MS = 10;

interface Pause {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly endMs: number;
}

/** Bounded by the Jobs that run: the owner calls `forget`. */
export class SyncPauses {
  readonly #clock: Clock;
  readonly #pauses = new Map<ObjectKey, Pause>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long until the next sync; 0: now, as for every Job whose spec has changed since. */
  leftMs(key: ObjectKey, { metadata }: Job): number {
    const pause = this.#pauses.get(key);
    if (pause === undefined || pause.uid !== metadata.uid || pause.generation !== metadata.generation)
      return 0;
    return Math.max(pause.endMs - this.#clock.monotonicMs(), 0);
  }

  /** A sync begins that looks at `pods` pods. */
  begin(key: ObjectKey, { metadata: { uid, generation } }: Job, pods: number): void {
    const pauseMs = Math.min(pods * PAUSE_MS_PER_POD, PAUSE_MAX_MS);
    if (pauseMs < PAUSE_MIN_MS) this.#pauses.delete(key);
    else this.#pauses.set(key, { uid, generation, endMs: this.#clock.monotonicMs() + pauseMs });
  }

  forget(key: ObjectKey): void {
    this.#pauses.delete(key);
  }
}
