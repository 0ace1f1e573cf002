/** Writes to objects that may be gone by now, though the cache still shows them. @module */
import { isNotFound } from "#apimachinery";

/** Undefined when the object does not exist any more: nothing is left to do for it, and the watch will say so. */
export async function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}
