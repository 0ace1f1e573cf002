/** A clock for tests: time stands still until `advance` moves it. @module */
import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #start: number;
  #pending: Pending[] = [];

  /** `startMs` is wall time; the default is 2026-01-01T00:00:00Z. */
  constructor(startMs = 1_767_225_600_000) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), callback };
    this.#pending.push(pending);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending);
      },
    };
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        timer.cancel();
        reject(signal.reason);
      };
      const timer = this.after(delayMs, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Time until the next timer; undefined when none waits. */
  get nextDelayMs(): number | undefined {
    return this.#pending.length === 0 ? undefined : Math.min(...this.#pending.map((p) => p.at)) - this.#now;
  }

  /** Moves time on and fires what falls due, in order of time, ties in order of creation; also timers set meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#takeDue(end);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }

  /** Like `advance`, and lets promises settle after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#takeDue(end);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #takeDue(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at <= end && (first === undefined || pending.at < first.at)) first = pending;
    }
    this.#pending = this.#pending.filter((other) => other !== first);
    return first;
  }
}

/** Turns of the microtask queue that chains of promises are given. */
const SETTLE_TURNS = 50;

async function settle(): Promise<void> {
  for (let i = 0; i < SETTLE_TURNS; i++) await Promise.resolve();
}
