/**
 * What a controller has written and its cache has not shown yet. A controller that counts children (ReplicaSet) waits until
 * its expectations are satisfied, or it would create the same child twice from a stale cache.
 * @module
 */
import type { Clock, ObjectKey } from "#apimachinery";

interface Expectation {
  creations: number;
  readonly deletions: Set<string>;
  readonly atMs: number;
}

/** Upstream's `ExpectationsTimeout`: a watch event may be missed for ever, a controller must not stand still for ever. */
export const EXPECTATIONS_TIMEOUT_MS = 300_000;

/** By the key of the controlling object; deletions by uid of the child. Bounded by the objects that were reconciled and not deleted. */
export class ControllerExpectations {
  readonly #expectations = new Map<ObjectKey, Expectation>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the cache has caught up, or the wait is over, or nothing was ever expected. */
  satisfied(key: ObjectKey): boolean {
    const expectation = this.#expectations.get(key);
    if (expectation === undefined) return true;
    if (expectation.creations <= 0 && expectation.deletions.size === 0) return true;
    return this.#clock.monotonicMs() - expectation.atMs > EXPECTATIONS_TIMEOUT_MS;
  }

  /** Call before creating `count` children. Replaces what was expected before. */
  expectCreations(key: ObjectKey, count: number): void {
    this.#expectations.set(key, { creations: count, deletions: new Set(), atMs: this.#clock.monotonicMs() });
  }

  /** Call before deleting the children with these uids. Replaces what was expected before. */
  expectDeletions(key: ObjectKey, uids: Iterable<string>): void {
    const deletions = new Set(uids);
    this.#expectations.set(key, { creations: 0, deletions, atMs: this.#clock.monotonicMs() });
  }

  /** A child appeared in the cache; or `count` of the creations failed or were not tried. */
  creationObserved(key: ObjectKey, count = 1): void {
    const expectation = this.#expectations.get(key);
    if (expectation !== undefined) expectation.creations -= count;
  }

  /** A child vanished from the cache or got its deletionTimestamp; or its deletion failed. */
  deletionObserved(key: ObjectKey, uid: string): void {
    this.#expectations.get(key)?.deletions.delete(uid);
  }

  /** The controlling object is gone. */
  forget(key: ObjectKey): void {
    this.#expectations.delete(key);
  }
}
