/** Work on named things, one after another for each name. @module */

/** Bounded by those who wait. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` once nobody else works on any of `keys`. All are taken in one step, so that nobody waits in a circle. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.flatMap((key) => this.#tails.get(key) ?? []);
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    for (const key of keys) this.#tails.set(key, done);
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key);
      release();
    }
  }
}
