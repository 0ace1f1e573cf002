/** Waits of loops that go on by themselves: they end early without an error. @module */
import type { Clock } from "./clock.ts";

/** Resolves after `delayMs`, or when `signal` aborts: the caller's loop looks at the signal itself. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(delayMs, signal);
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

/** A wait that others cut short. One caller waits at a time; waking nobody has no effect later. */
export class WakeablePause {
  readonly #clock: Clock;
  #finish: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#finish?.();
  }

  /** Resolves when woken, when `signal` aborts, or after `delayMs`; undefined: not by time. Never rejects. */
  wait(delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        timer?.cancel();
        signal.removeEventListener("abort", finish);
        this.#finish = undefined;
        resolve();
      };
      const timer = delayMs === undefined ? undefined : this.#clock.after(delayMs, finish);
      signal.addEventListener("abort", finish, { once: true });
      this.#finish = finish;
    });
  }
}
