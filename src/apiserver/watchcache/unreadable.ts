/** Stored values that cannot be read: an empty value stands for each, which no object has, and knows why. @module */
import { StatusError } from "#apimachinery";

const reasons = new WeakMap<Uint8Array, string>();

export function unreadableValue(why: string): Buffer {
  const value = Buffer.alloc(0);
  reasons.set(value, why);
  return value;
}

export function isUnreadable(value: Uint8Array): boolean {
  return value.length === 0;
}

/** What a client is told who asks for the object. */
export function unreadableError(value: Uint8Array): StatusError {
  return new StatusError(
    "InternalError",
    `Internal error occurred: ${reasons.get(value) ?? "no value stored"}`,
  );
}
