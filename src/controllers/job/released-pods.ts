/** Pods whose finalizer a Job's controller took, while the cache may still show it: they are counted already. @module */
import type { ObjectKey } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { isHeld } from "./tracking.ts";

export class ReleasedPods {
  /** uids; bounded by the pods whose finalizer the cache still shows. */
  readonly #released = new Map<ObjectKey, Set<string>>();

  /**
   * Those that `pods` shows with their finalizer; further ones may be added to the set. Not what the cache shows by now: a
   * pod that is held in `pods` and not in here would be counted once more.
   */
  shownBy(key: ObjectKey, pods: readonly Pod[]): Set<string> {
    const before = this.#released.get(key) ?? new Set();
    const held = before.size === 0 ? [] : pods.filter(isHeld).map(({ metadata }) => metadata.uid!);
    const released = new Set(held.filter((uid) => before.has(uid)));
    this.#released.set(key, released);
    return released;
  }

  forget(key: ObjectKey): void {
    this.#released.delete(key);
  }
}
