/** Signals that abort at a time of the given clock; `AbortSignal.timeout` knows the system's alone. @module */
import type { Clock } from "./clock.ts";

export interface Deadline extends Disposable {
  /** Aborts with the reason when the time is over, and not any more once this is disposed. */
  readonly signal: AbortSignal;
}

export function deadline(clock: Clock, delayMs: number, reason: Error): Deadline {
  const controller = new AbortController();
  const timer = clock.after(delayMs, () => controller.abort(reason));
  return { signal: controller.signal, [Symbol.dispose]: () => timer.cancel() };
}
