/** How soon a daemon pod that ended is replaced: at once, then after a second, twice as long after each further one. @module */
import type { Clock } from "#apimachinery";

/** Upstream's `failedPodsBackoff`. */
const FIRST_MS = 1_000;
const MAX_MS = 15 * 60_000;
/** A node that was quiet for so long begins anew. */
const FORGET_MS = 2 * MAX_MS;
const SWEEP_MS = 60_000;

interface Entry {
  backoffMs: number;
  sinceMs: number;
}

export class FailedPods {
  readonly #clock: Clock;
  /** Bounded by nodes and DaemonSets that had such a pod of late. */
  readonly #entries = new Map<string, Entry>();
  #sweptMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweptMs = clock.monotonicMs();
  }

  /** 0: now, and it is noted that the pod was replaced; else how long to wait. `key` is that of the DaemonSet's generation on the node. */
  waitMs(key: string): number {
    const nowMs = this.#clock.monotonicMs();
    this.#sweep(nowMs);
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs - entry.sinceMs > FORGET_MS) {
      this.#entries.set(key, { backoffMs: FIRST_MS, sinceMs: nowMs });
      return 0;
    }
    const leftMs = entry.sinceMs + entry.backoffMs - nowMs;
    if (leftMs > 0) return leftMs;
    this.#entries.set(key, { backoffMs: Math.min(entry.backoffMs * 2, MAX_MS), sinceMs: nowMs });
    return 0;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const [key, { sinceMs }] of this.#entries)
      if (nowMs - sinceMs > FORGET_MS) this.#entries.delete(key);
  }
}
