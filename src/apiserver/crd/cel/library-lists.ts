/** Functions on lists, and lists as sets. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { celEqual } from "./equal.ts";
import { registerNamespace } from "./namespace.ts";

type List = readonly unknown[];

export function registerLists(env: Environment): void {
  const sets = registerNamespace(env, "sets");
  env
    .registerFunction("list<T>.isSorted(): bool", (list: List) =>
      list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0),
    )
    .registerFunction("list<T>.min(): T", (list: List) => extreme(list, "min", -1))
    .registerFunction("list<T>.max(): T", (list: List) => extreme(list, "max", 1))
    .registerFunction("list<int>.sum(): int", (list: readonly bigint[]) => list.reduce((a, b) => a + b, 0n))
    .registerFunction("list<double>.sum(): double", (list: readonly number[]) =>
      list.reduce((a, b) => a + b, 0),
    )
    .registerFunction("list<T>.indexOf(T): int", (list: List, item: unknown) =>
      BigInt(list.findIndex((other) => celEqual(other, item))),
    )
    .registerFunction("list<T>.lastIndexOf(T): int", (list: List, item: unknown) =>
      BigInt(list.findLastIndex((other) => celEqual(other, item))),
    )
    .registerFunction(`${sets}.contains(list<T>, list<T>): bool`, (_: unknown, a: List, b: List) =>
      contains(a, b),
    )
    .registerFunction(
      `${sets}.equivalent(list<T>, list<T>): bool`,
      (_: unknown, a: List, b: List) => contains(a, b) && contains(b, a),
    )
    .registerFunction(`${sets}.intersects(list<T>, list<T>): bool`, (_: unknown, a: List, b: List) =>
      a.some((item) => b.some((other) => celEqual(item, other))),
    );
}

function contains(list: List, part: List): boolean {
  return part.every((item) => list.some((other) => celEqual(item, other)));
}

function compare(a: unknown, b: unknown): number {
  const [left, right] = [ordered(a), ordered(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function ordered(value: unknown): number | bigint | string {
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "string") return value;
  const primitive = (value as { valueOf(): unknown } | null)?.valueOf();
  if (typeof primitive === "number" || typeof primitive === "bigint") return primitive;
  if (typeof primitive === "boolean") return Number(primitive);
  throw new Error("no such overload: values cannot be compared");
}

function extreme(list: List, name: string, sign: number): unknown {
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
}
