/** A clock for tests whose cost is waiting: all waits keep their proportions, and none takes long. @module */
import { systemClock, type Clock } from "#apimachinery";

/** Tells the time of `clock`, and waits in real time: what is a limit on the machine's work is not to be shortened. */
export function patientClock(clock: Clock): Clock {
  return { ...systemClock, now: () => clock.now() };
}

/** Begins at the time of the day, and goes `factor` times as fast. */
export function fasterClock(factor: number): Clock {
  const begin = systemClock.now();
  const monotonicBegin = systemClock.monotonicMs();
  const elapsedMs = (): number => (systemClock.monotonicMs() - monotonicBegin) * factor;
  return {
    now: () => Math.floor(begin + elapsedMs()),
    monotonicMs: () => monotonicBegin + elapsedMs(),
    after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs / factor, signal),
  };
}
