/** Writes watch events to many clients in turns, so that one change to thousands of watchers does not hold the event loop. @module */
import type { Clock } from "#apimachinery";

/** One turn of writing. */
const SLICE_MS = 4;
/** So many targets in one round are a crowd: changes then go out in rounds, each with all that came since the last. */
const CROWD_MIN = 200;
/** Between two rounds of a crowd. A change after a quiet time goes out at once. */
const REST_MS = 5;

export interface Flushable {
  /** Writes what there is, up to a bound; true if there is more to write at once. */
  flush(): boolean;
}

export class FanOut {
  readonly #clock: Clock;
  #dirty: Flushable[] = [];
  readonly #marked = new Set<Flushable>();
  #scheduled = false;
  /** Targets of this round so far. */
  #flushed = 0;
  #restUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isIdle(): boolean {
    return !this.#scheduled;
  }

  /** `target` is flushed soon; events that come until then go out together. */
  mark(target: Flushable): void {
    if (this.#marked.has(target)) return;
    this.#marked.add(target);
    this.#dirty.push(target);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const restMs = this.#restUntil === 0 ? 0 : this.#restUntil - this.#clock.monotonicMs();
    if (restMs > 0) this.#clock.after(restMs, () => this.#run());
    else setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const end = this.#clock.monotonicMs() + SLICE_MS;
    const targets = this.#dirty;
    this.#dirty = [];
    let i = 0;
    while (i < targets.length && this.#clock.monotonicMs() < end) {
      const target = targets[i++]!;
      this.#marked.delete(target);
      if (target.flush()) this.mark(target);
    }
    // The rest goes before what was marked meanwhile: nobody starves.
    const isOver = i === targets.length;
    if (!isOver) this.#dirty = [...targets.slice(i), ...this.#dirty];
    this.#flushed += i;
    this.#restUntil = isOver && this.#flushed >= CROWD_MIN ? this.#clock.monotonicMs() + REST_MS : 0;
    if (isOver) this.#flushed = 0;
    if (this.#dirty.length > 0) this.#schedule();
  }
}
