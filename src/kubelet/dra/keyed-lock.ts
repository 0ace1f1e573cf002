/** Work on named things, one after another for each name. @module */

/** Bounded by those who wait. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `work` once nobody else works on any of `keys`. All are taken in one step, so that nobody waits in a circle.
   * Rejects when `signal` aborts before its turn.
   */
  async run<T>(keys: readonly string[], work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = Promise.all(keys.flatMap((key) => this.#tails.get(key) ?? []));
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    for (const key of keys) this.#tails.set(key, done);
    try {
      await untilAborted(turn, signal);
      return await work();
    } finally {
      // Whoever gives up leaves those behind him where they were.
      void turn.then(() => {
        for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key);
        release();
      });
    }
  }
}

async function untilAborted(turn: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([turn, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
