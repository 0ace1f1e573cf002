/** Equality and order of values. @module */
import { compareStrings } from "../text.ts";
import {
  CelError,
  Duration,
  MapValue,
  NamedValue,
  noSuchOverload,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type CelValue,
} from "./values.ts";

/** Lists whose order means nothing: sets, and lists of objects with keys. Set by who makes them of a schema. */
const unordered = new WeakMap<object, Unordered>();

export interface Unordered {
  /** What makes two items the same one; undefined: being equal. */
  readonly keyOf: ((item: CelValue) => string) | undefined;
}

export function markUnordered(list: readonly CelValue[], how: Unordered): readonly CelValue[] {
  unordered.set(list, how);
  return list;
}

export function unorderedOf(list: readonly CelValue[]): Unordered | undefined {
  return unordered.get(list);
}

export function celEquals(a: CelValue, b: CelValue): boolean {
  if (a === b) return true;
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) === 0;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && listsEqual(a as readonly CelValue[], b as readonly CelValue[]);
  if (a instanceof MapValue) return b instanceof MapValue && mapsEqual(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Optional) return b instanceof Optional && optionalsEqual(a, b);
  if (a instanceof TypeValue) return b instanceof TypeValue && a.type.name === b.type.name;
  return (
    a instanceof NamedValue && b instanceof NamedValue && a.celType.name === b.celType.name && a.equals(b)
  );
}

function optionalsEqual(a: Optional, b: Optional): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return celEquals(a.value, b.value);
}

function listsEqual(a: readonly CelValue[], b: readonly CelValue[]): boolean {
  if (a.length !== b.length) return false;
  const how = unordered.get(a);
  if (how === undefined) return a.every((item, i) => celEquals(item, b[i]!));
  if (how.keyOf === undefined) return a.every((item) => b.some((other) => celEquals(item, other)));
  const byKey = new Map(b.map((item) => [how.keyOf!(item), item]));
  return a.every((item) => {
    const other = byKey.get(how.keyOf!(item));
    return other !== undefined && celEquals(item, other);
  });
}

function mapsEqual(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const [left, right] = [a.find(key), b.find(key)];
    if (left === undefined || right === undefined || !celEquals(left, right)) return false;
  }
  return true;
}

export type Numeric = bigint | number | Uint;

export function isNumeric(value: CelValue): value is Numeric {
  return typeof value === "bigint" || typeof value === "number" || value instanceof Uint;
}

/** NaN is equal to nothing and before nothing. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  const x = a instanceof Uint ? a.value : a;
  const y = b instanceof Uint ? b.value : b;
  if (x < y) return -1;
  if (x > y) return 1;
  // oxlint-disable-next-line eqeqeq -- an int and a double are equal when their values are
  return x == y ? 0 : Number.NaN;
}

/** Negative, zero, positive. Throws CelError for values without an order. */
export function celCompare(a: CelValue, b: CelValue): number {
  if (isNumeric(a) && isNumeric(b)) {
    const order = compareNumbers(a, b);
    if (Number.isNaN(order)) throw new CelError("NaN values cannot be ordered");
    return order;
  }
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (
    (a instanceof Timestamp && b instanceof Timestamp) ||
    (a instanceof Duration && b instanceof Duration)
  ) {
    return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  throw noSuchOverload();
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
