/**
 * What a controller may have believed since the cluster was last at rest. A cache may lag, so the most that any version of
 * an object allowed counts; and an answer may be lost, so a write that the controller cannot know of counts too.
 * @module
 */

export class Bounds {
  readonly #most = new Map<string, number>();
  readonly #ambiguous = new Map<string, number>();

  /** `uid` allows `count` now. */
  allow(uid: string, count: number): void {
    this.#most.set(uid, Math.max(this.#most.get(uid) ?? 0, count));
  }

  /** A write for `uid` was applied without its writer knowing. */
  addAmbiguous(uid: string, count = 1): void {
    this.#ambiguous.set(uid, (this.#ambiguous.get(uid) ?? 0) + count);
  }

  most(uid: string): number {
    return (this.#most.get(uid) ?? 0) + (this.#ambiguous.get(uid) ?? 0);
  }

  ambiguous(uid: string): number {
    return this.#ambiguous.get(uid) ?? 0;
  }

  /** Every cache has caught up: only what stands now counts. */
  clear(): void {
    this.#most.clear();
    this.#ambiguous.clear();
  }
}
