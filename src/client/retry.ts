/** Retrying optimistic writes. @module */
import { isConflict, systemClock, type Clock } from "#apimachinery";

export interface RetryOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Upstream's `retry.DefaultRetry`: five tries, 10 ms apart, with a tenth of jitter. */
const TRIES_MAX = 5;
const DELAY_MS = 10;
const JITTER = 0.1;

/**
 * Runs `attempt` again when it fails with a Conflict, up to five times in all; the last conflict is thrown.
 * `attempt` must read the object anew each time.
 */
export async function retryOnConflict<R>(
  attempt: () => Promise<R>,
  signal: AbortSignal,
  { clock = systemClock, random = Math.random }: RetryOptions = {},
): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (err) {
      if (!isConflict(err) || tries === TRIES_MAX) throw err;
    }
    await clock.sleep(DELAY_MS * (1 + JITTER * random()), signal);
  }
}
