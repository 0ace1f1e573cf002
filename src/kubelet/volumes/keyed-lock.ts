/** One at a time for each key. @module */

export class KeyedLock {
  /** Bounded by those that wait. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Waits for those before it, however they end. */
  async run<R>(key: string, work: () => Promise<R>): Promise<R> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(
      () => {},
      () => {},
    );
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
