/** Writes to objects that may be gone by now, though the cache still shows them. @module */
import { isNotFound, unless } from "#apimachinery";

/** Undefined when the object does not exist any more: nothing is left to do for it, and the watch will say so. */
export function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  return unless(isNotFound, write);
}
