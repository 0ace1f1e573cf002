/** Writes watch events to many clients in turns, so that one change to thousands of watchers does not hold the event loop. @module */
import type { Clock } from "#apimachinery";

/** One turn of writing. */
const SLICE_MS = 4;

export interface Flushable {
  /** Writes what there is, up to a bound; true if there is more to write at once. */
  flush(): boolean;
}

export class FanOut {
  readonly #clock: Clock;
  #dirty: Flushable[] = [];
  readonly #marked = new Set<Flushable>();
  #scheduled = false;

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
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
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
    if (i < targets.length) this.#dirty = [...targets.slice(i), ...this.#dirty];
    if (this.#dirty.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#run());
    }
  }
}
