/** Waits that a signal ends. @module */

/** Resolves when `signal` aborts, at once if it has: for who does something at the end, or only then. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/** `promise`, or a rejection with the signal's reason when it aborts first. */
export async function orAborted<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
