/** Work on named things, one after another for each name. @module */
import { orAborted } from "#apimachinery";

/** Bounded by those who wait. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `work` once nobody else works on any of `keys`. All are taken in one step, so that nobody waits in a circle.
   * Rejects when `signal` aborts before its turn.
   */
  async run<T>(keys: readonly string[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = Promise.all(keys.flatMap((key) => this.#tails.get(key) ?? []));
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    for (const key of keys) this.#tails.set(key, done);
    try {
      await (signal === undefined ? turn : orAborted(turn, signal));
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
