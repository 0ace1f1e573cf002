/** Equality of CEL values: by content, numbers by value. @module */

/** A value that has a text of its own. */
export interface Texted {
  toString(): string;
}

/** A typed object of a schema: its fields are its own properties. */
export class CelObject {
  readonly [field: string]: unknown;

  constructor(fields: Readonly<Record<string, unknown>>) {
    Object.assign(this, fields);
  }
}

export function celEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if ((typeof a === "number" || typeof a === "bigint") && (typeof b === "number" || typeof b === "bigint")) {
    return a == b; // oxlint-disable-line eqeqeq -- an integer and a float are equal when their values are
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => celEqual(item, b[i]));
  }
  if (a instanceof Map) {
    return (
      b instanceof Map &&
      a.size === b.size &&
      [...a].every(([key, value]) => b.has(key) && celEqual(value, b.get(key)))
    );
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (!(a instanceof CelObject) && Object.getPrototypeOf(a) !== Object.prototype) return sameText(a, b);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(right, key) && celEqual(left[key], right[key]));
}

/** Durations, quantities, addresses: those that have a text are their text. */
function sameText(a: Texted, b: Texted): boolean {
  return a.toString() === b.toString();
}
