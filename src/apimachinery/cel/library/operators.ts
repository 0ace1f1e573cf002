/** The operators of CEL, but for those that do not evaluate all of their operands. @module */
import { celCompare, celEquals, compareNumbers, isNumeric, unorderedOf, markUnordered } from "../equality.ts";
import { fns, type Declaration } from "../functions.ts";
import { checkTimestamp } from "../time-text.ts";
import {
  CelError,
  Duration,
  MapValue,
  noSuchOverload,
  Optional,
  Timestamp,
  typeOfValue,
  Uint,
  type CelValue,
} from "../values.ts";

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

export function int(value: bigint): bigint {
  if (value < INT_MIN || value > INT_MAX) throw new CelError("integer overflow");
  return value;
}

export function uint(value: bigint): Uint {
  if (value < 0n || value > UINT_MAX) throw new CelError("unsigned integer overflow");
  return new Uint(value);
}

function duration(nanos: bigint): Duration {
  if (nanos < INT_MIN || nanos > INT_MAX) throw new CelError("duration overflow");
  return new Duration(nanos);
}

const timestamp = (nanos: bigint): Timestamp => new Timestamp(checkTimestamp(nanos));

type List = readonly CelValue[];

function add(a: CelValue, b: CelValue): CelValue {
  if (typeof a === "bigint" && typeof b === "bigint") return int(a + b);
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return joined(a as List, b as List);
  if (a instanceof Uint && b instanceof Uint) return uint(a.value + b.value);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Uint8Array.from([...a, ...b]);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Timestamp) return timestamp(a.nanos + b.nanos);
  throw noSuchOverload();
}

/** Lists that are sets or have keys keep one of each; the right one's value wins. */
function joined(a: List, b: List): List {
  const how = unorderedOf(a);
  if (how === undefined) return [...a, ...b];
  const { keyOf } = how;
  if (keyOf === undefined) {
    return markUnordered([...a, ...b.filter((item) => !a.some((other) => celEquals(item, other)))], how);
  }
  const byKey = new Map(a.map((item) => [keyOf(item), item]));
  for (const item of b) byKey.set(keyOf(item), item);
  return markUnordered([...byKey.values()], how);
}

function subtract(a: CelValue, b: CelValue): CelValue {
  if (typeof a === "bigint" && typeof b === "bigint") return int(a - b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a instanceof Uint && b instanceof Uint) return uint(a.value - b.value);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Timestamp) return duration(a.nanos - b.nanos);
  throw noSuchOverload();
}

function multiply(a: CelValue, b: CelValue): CelValue {
  if (typeof a === "bigint" && typeof b === "bigint") return int(a * b);
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a instanceof Uint && b instanceof Uint) return uint(a.value * b.value);
  throw noSuchOverload();
}

function divide(a: CelValue, b: CelValue): CelValue {
  if (typeof a === "number" && typeof b === "number") return a / b;
  const [x, y] = integers(a, b);
  if (y === 0n) throw new CelError("division by zero");
  return a instanceof Uint ? uint(x / y) : int(x / y);
}

function modulo(a: CelValue, b: CelValue): CelValue {
  const [x, y] = integers(a, b);
  if (y === 0n) throw new CelError("modulus by zero");
  return a instanceof Uint ? uint(x % y) : int(x % y);
}

function integers(a: CelValue, b: CelValue): readonly [bigint, bigint] {
  if (typeof a === "bigint" && typeof b === "bigint") return [a, b];
  if (a instanceof Uint && b instanceof Uint) return [a.value, b.value];
  throw noSuchOverload();
}

function negate(a: CelValue): CelValue {
  if (typeof a === "bigint") return int(-a);
  if (typeof a === "number") return -a;
  throw noSuchOverload();
}

function not(a: CelValue): CelValue {
  if (typeof a !== "boolean") throw noSuchOverload();
  return !a;
}

/** Throws CelError when there is none. */
export function indexOf(container: CelValue, key: CelValue): CelValue {
  const found = optionalIndex(container, key);
  if (found !== undefined) return found;
  const shown = keyText(key);
  throw new CelError(Array.isArray(container) ? `index out of bounds: ${shown}` : `no such key: ${shown}`);
}

export function keyText(key: CelValue): string {
  return key instanceof Uint ? key.value.toString() : `${key as bigint}`;
}

/** Undefined when there is none. */
export function optionalIndex(container: CelValue, key: CelValue): CelValue | undefined {
  if (container instanceof MapValue) return container.find(key);
  if (!Array.isArray(container)) {
    if (container === null || typeof container !== "object") return undefined;
    throw noSuchOverload();
  }
  if (!isNumeric(key)) throw new CelError(`unsupported index type '${typeOfValue(key).name}' in list`);
  const at = Number(key instanceof Uint ? key.value : key);
  if (!Number.isInteger(at)) throw new CelError(`unsupported index value ${at} in list`);
  return (container as List)[at];
}

function isIn(item: CelValue, container: CelValue): boolean {
  if (container instanceof MapValue) return container.find(item) !== undefined;
  if (Array.isArray(container)) return (container as List).some((other) => celEquals(item, other));
  throw noSuchOverload();
}

function optionalAt(container: CelValue, key: CelValue): CelValue {
  const inner = container instanceof Optional ? container.value : container;
  const found = inner === undefined ? undefined : optionalIndex(inner, key);
  return found === undefined ? Optional.none : new Optional(found);
}

function index(container: CelValue, key: CelValue): CelValue {
  return container instanceof Optional ? optionalAt(container, key) : indexOf(container, key);
}

/** The signatures of a comparison; ids as cel-go has them, which costs go by. */
function comparison(name: string, prefix: string, holds: (order: number) => boolean): readonly Declaration[] {
  const run = (a: CelValue, b: CelValue): boolean =>
    isNumeric(a) && isNumeric(b) ? holds(compareNumbers(a, b)) : holds(celCompare(a, b));
  return fns(name, run, {
    [`${prefix}_bool`]: "(bool, bool): bool",
    [`${prefix}_int64`]: "(int, int): bool",
    [`${prefix}_int64_double`]: "(int, double): bool",
    [`${prefix}_int64_uint64`]: "(int, uint): bool",
    [`${prefix}_uint64`]: "(uint, uint): bool",
    [`${prefix}_uint64_double`]: "(uint, double): bool",
    [`${prefix}_uint64_int64`]: "(uint, int): bool",
    [`${prefix}_double`]: "(double, double): bool",
    [`${prefix}_double_int64`]: "(double, int): bool",
    [`${prefix}_double_uint64`]: "(double, uint): bool",
    [`${prefix}_string`]: "(string, string): bool",
    [`${prefix}_bytes`]: "(bytes, bytes): bool",
    [`${prefix}_timestamp`]: "(timestamp, timestamp): bool",
    [`${prefix}_duration`]: "(duration, duration): bool",
  });
}

/** Planned without their implementation: they may leave operands alone, or absorb errors. */
function special(): never {
  throw noSuchOverload();
}

export const OPERATORS: readonly Declaration[] = [
  ...fns("_?_:_", special, { conditional: "(bool, A, A): A" }),
  ...fns("_&&_", special, { logical_and: "(bool, bool): bool" }),
  ...fns("_||_", special, { logical_or: "(bool, bool): bool" }),
  ...fns("@not_strictly_false", special, { not_strictly_false: "(bool): bool" }),
  ...fns("!_", not, { logical_not: "(bool): bool" }),
  ...fns("_==_", celEquals, { equals: "(A, A): bool" }),
  ...fns("_!=_", (a: CelValue, b: CelValue) => !celEquals(a, b), { not_equals: "(A, A): bool" }),
  ...fns("_+_", add, {
    add_bytes: "(bytes, bytes): bytes",
    add_double: "(double, double): double",
    add_duration_duration: "(duration, duration): duration",
    add_duration_timestamp: "(duration, timestamp): timestamp",
    add_timestamp_duration: "(timestamp, duration): timestamp",
    add_int64: "(int, int): int",
    add_list: "(list<A>, list<A>): list<A>",
    add_string: "(string, string): string",
    add_uint64: "(uint, uint): uint",
  }),
  ...fns("_/_", divide, {
    divide_double: "(double, double): double",
    divide_int64: "(int, int): int",
    divide_uint64: "(uint, uint): uint",
  }),
  ...fns("_%_", modulo, { modulo_int64: "(int, int): int", modulo_uint64: "(uint, uint): uint" }),
  ...fns("_*_", multiply, {
    multiply_double: "(double, double): double",
    multiply_int64: "(int, int): int",
    multiply_uint64: "(uint, uint): uint",
  }),
  ...fns("-_", negate, { negate_double: "(double): double", negate_int64: "(int): int" }),
  ...fns("_-_", subtract, {
    subtract_double: "(double, double): double",
    subtract_duration_duration: "(duration, duration): duration",
    subtract_int64: "(int, int): int",
    subtract_timestamp_duration: "(timestamp, duration): timestamp",
    subtract_timestamp_timestamp: "(timestamp, timestamp): duration",
    subtract_uint64: "(uint, uint): uint",
  }),
  ...comparison("_<_", "less", (order) => order < 0),
  ...comparison("_<=_", "less_equals", (order) => order <= 0),
  ...comparison("_>_", "greater", (order) => order > 0),
  ...comparison("_>=_", "greater_equals", (order) => order >= 0),
  ...fns("_[_]", index, {
    index_list: "(list<A>, int): A",
    index_map: "(map<A, B>, A): B",
    optional_list_index_int: "(optional<list<A>>, int): optional<A>",
    optional_map_index_value: "(optional<map<A, B>>, A): optional<B>",
  }),
  ...fns("_[?_]", optionalAt, {
    list_optindex_optional_int: "(list<A>, int): optional<A>",
    optional_list_optindex_optional_int: "(optional<list<A>>, int): optional<A>",
    map_optindex_optional_value: "(map<A, B>, A): optional<B>",
    optional_map_optindex_optional_value: "(optional<map<A, B>>, A): optional<B>",
  }),
  ...fns("_?._", optionalAt, { select_optional_field: "(dyn, string): optional<A>" }),
  ...fns("@in", isIn, { in_list: "(A, list<A>): bool", in_map: "(A, map<A, B>): bool" }),
];
