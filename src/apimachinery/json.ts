/** Plain JSON values: guards, comparison, and copies that are safe for any key. @module */

export type JsonObject = Readonly<Record<string, unknown>>;
export type MutableJsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own value of an object; what the prototype has does not count. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** What is found by these keys, one in the other; undefined where one is missing. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((at, key) => (isJsonObject(at) ? own(at, key) : undefined), value);
}

/** Sets a key, also one that would change the prototype. */
export function put(object: MutableJsonObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}

/** Deep equality of JSON values, quick on shared subtrees. A key that is undefined counts as absent. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => jsonEqual(item, b[i]));
  }
  if (Array.isArray(b)) return false;
  return objectsEqual(a as JsonObject, b as JsonObject);
}

/** Go's name of a JSON value's type, for messages. */
export function jsonTypeOf(value: unknown): "null" | "object" | "array" | "string" | "number" | "boolean" {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as "object" | "string" | "number" | "boolean";
}

function objectsEqual(a: JsonObject, b: JsonObject): boolean {
  let defined = 0;
  for (const key of Object.keys(a)) {
    const value = a[key];
    if (value === undefined) continue;
    defined++;
    if (!jsonEqual(value, own(b, key))) return false;
  }
  for (const key of Object.keys(b)) if (b[key] !== undefined) defined--;
  return defined === 0;
}
