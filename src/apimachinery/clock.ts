/** Time as a parameter: components take a `Clock`, tests give a `FakeClock` (fake-clock.ts). @module */

export interface Timer {
  /** No effect after it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall time, ms since 1970. */
  now(): number;
  /** Time that never goes back, ms since some start; for measuring durations. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    unref(timer);
    return { cancel: () => clearTimeout(timer) };
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }, delayMs);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  },
};

/** Browsers' timers are numbers and keep nothing alive. */
function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}
