/** Functions on lists, lists as sets, and insertion into maps. @module */
import { celCompare, celEquals } from "../equality.ts";
import { fn, type Declaration } from "../functions.ts";
import {
  CelError,
  Duration,
  LiteralMap,
  MapValue,
  noSuchOverload,
  typeOfValue,
  Uint,
  type CelValue,
} from "../values.ts";
import { OPERATORS } from "./operators.ts";

type List = readonly CelValue[];

/** Types with an order, by the names that overloads have. */
const COMPARABLE = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"] as const;
const SUMMABLE: Readonly<Record<string, CelValue>> = {
  int: 0n,
  uint: new Uint(0n),
  double: 0,
  duration: new Duration(0n),
};
/** Of `lists.range`: whatever is longer costs more than any budget. */
const RANGE_MAX = 1_000_000n;

const plus = OPERATORS.find(({ overload }) => overload.id === "add_int64")!.overload.run;

const isSorted = (list: List): boolean =>
  list.every((item, i) => i === 0 || celCompare(list[i - 1]!, item) <= 0);

function extreme(name: string, sign: 1 | -1): (list: List) => CelValue {
  return (list) => {
    if (list.length === 0) throw new CelError(`${name} called on empty list`);
    return list.reduce((best, item) => (celCompare(item, best) * sign > 0 ? item : best));
  };
}

const contains = (list: List, part: List): boolean =>
  part.every((item) => list.some((other) => celEquals(item, other)));

function slice(list: List, start: bigint, end: bigint): List {
  const call = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) throw new CelError(`${call}, negative indexes not supported`);
  if (start > end) throw new CelError(`${call}, start index must be less than or equal to end index`);
  if (list.length < end) throw new CelError(`${call}, list is length ${list.length}`);
  return list.slice(Number(start), Number(end));
}

function flatten(list: List, depth: bigint = 1n): List {
  if (depth < 0n) throw new CelError("level must be non-negative");
  return list.flat(Number(depth) as 1) as List;
}

function range(length: bigint): List {
  if (length > RANGE_MAX) throw new CelError(`cannot make a list of ${length} items`);
  return Array.from({ length: Math.max(0, Number(length)) }, (_, i) => BigInt(i));
}

function sortBy(list: List, keys: List): List {
  const [first] = keys;
  if (first === undefined) return list;
  const { kind } = typeOfValue(first);
  if (keys.some((key) => typeOfValue(key).kind !== kind)) {
    throw new CelError("list elements must have the same type");
  }
  const order = Array.from(list.keys()).toSorted((a, b) => celCompare(keys[a]!, keys[b]!));
  return order.map((at) => list[at]!);
}

function distinct(list: List): List {
  const kept: CelValue[] = [];
  for (const item of list) {
    if (!kept.some((other) => celEquals(item, other))) kept.push(item);
  }
  return kept;
}

function insert(map: CelValue, key: CelValue, value: CelValue): CelValue {
  if (!(map instanceof LiteralMap)) throw noSuchOverload();
  return map.with(key, value);
}

function insertAll(map: CelValue, update: CelValue): CelValue {
  if (!(update instanceof MapValue)) throw noSuchOverload();
  let made = map;
  for (const key of update.keys()) made = insert(made, key, update.find(key)!);
  return made;
}

export const LISTS: readonly Declaration[] = [
  ...COMPARABLE.flatMap((type) => [
    fn("isSorted", `list_${type}_is_sorted_bool`, `list<${type}>.(): bool`, isSorted),
    fn("max", `list_${type}_max_${type}`, `list<${type}>.(): ${type}`, extreme("max", 1)),
    fn("min", `list_${type}_min_${type}`, `list<${type}>.(): ${type}`, extreme("min", -1)),
    fn("sort", `list_${type}_sort`, `list<${type}>.(): list<${type}>`, (list: List) => sortBy(list, list)),
    fn(
      "@sortByAssociatedKeys",
      `list_${type}_sortByAssociatedKeys`,
      `list<T>.(list<${type}>): list<T>`,
      sortBy,
    ),
  ]),
  ...Object.entries(SUMMABLE).map(([type, zero]) =>
    fn("sum", `list_${type}_sum_${type}`, `list<${type}>.(): ${type}`, (list: List) =>
      list.reduce((total, item) => plus(total, item), zero),
    ),
  ),
  fn("indexOf", "list_a_index_of_int", "list<A>.(A): int", (list: List, item: CelValue) =>
    BigInt(list.findIndex((other) => celEquals(other, item))),
  ),
  fn("lastIndexOf", "list_a_last_index_of_int", "list<A>.(A): int", (list: List, item: CelValue) =>
    BigInt(list.findLastIndex((other) => celEquals(other, item))),
  ),
  fn("slice", "list_slice", "list<T>.(int, int): list<T>", slice),
  fn("flatten", "list_flatten", "list<list<T>>.(): list<T>", flatten),
  fn("flatten", "list_flatten_int", "list<dyn>.(int): list<dyn>", flatten),
  fn("reverse", "list_reverse", "list<T>.(): list<T>", (list: List) => list.toReversed()),
  fn("distinct", "list_distinct", "list<T>.(): list<T>", distinct),
  fn("lists.range", "lists_range", "(int): list<int>", range),
  fn("sets.contains", "list_sets_contains_list", "(list<T>, list<T>): bool", contains),
  fn(
    "sets.equivalent",
    "list_sets_equivalent_list",
    "(list<T>, list<T>): bool",
    (a: List, b: List) => contains(a, b) && contains(b, a),
  ),
  fn("sets.intersects", "list_sets_intersects_list", "(list<T>, list<T>): bool", (a: List, b: List) =>
    a.some((item) => b.some((other) => celEquals(item, other))),
  ),
  fn("cel.@mapInsert", "@mapInsert_map_key_value", "(map<K, V>, K, V): map<K, V>", insert),
  fn("cel.@mapInsert", "@mapInsert_map_map", "(map<K, V>, map<K, V>): map<K, V>", insertAll),
];
