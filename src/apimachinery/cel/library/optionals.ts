/** Values that may be missing: `optional.of(x)`, `m.?field.orValue(0)`. @module */
import { fn, type Declaration } from "../functions.ts";
import { CelError, Duration, MapValue, Optional, Timestamp, Uint, type CelValue } from "../values.ts";

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === "" || value === 0n || value === 0) return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Optional) return value.value === undefined;
  return (value instanceof Duration || value instanceof Timestamp) && value.nanos === 0n;
}

function valueOf({ value }: Optional): CelValue {
  if (value === undefined) throw new CelError("optional.none() dereference");
  return value;
}

const some = (value: CelValue | undefined): Optional =>
  value === undefined ? Optional.none : new Optional(value);

function unwrap(list: readonly Optional[]): readonly CelValue[] {
  return list.flatMap(({ value }) => (value === undefined ? [] : [value]));
}

export const OPTIONALS: readonly Declaration[] = [
  fn("optional.of", "optional_of", "(V): optional<V>", (value: CelValue) => new Optional(value)),
  fn("optional.ofNonZeroValue", "optional_ofNonZeroValue", "(V): optional<V>", (value: CelValue) =>
    isZero(value) ? Optional.none : new Optional(value),
  ),
  fn("optional.none", "optional_none", "(): optional<V>", () => Optional.none),
  fn("value", "optional_value", "optional<V>.(): V", valueOf),
  fn("hasValue", "optional_hasValue", "optional<V>.(): bool", ({ value }: Optional) => value !== undefined),
  fn("or", "optional_or_optional", "optional<V>.(optional<V>): optional<V>", (a: Optional, b: Optional) =>
    a.value === undefined ? b : a,
  ),
  fn("orValue", "optional_orValue_value", "optional<V>.(V): V", (a: Optional, b: CelValue) =>
    a.value === undefined ? b : a.value,
  ),
  fn("last", "list_last", "list<V>.(): optional<V>", (list: readonly CelValue[]) => some(list.at(-1))),
  fn("first", "list_first", "list<V>.(): optional<V>", (list: readonly CelValue[]) => some(list[0])),
  fn("optional.unwrap", "optional_unwrap", "(list<optional<V>>): list<V>", unwrap),
  fn("unwrapOpt", "optional_unwrapOpt", "list<optional<V>>.(): list<V>", unwrap),
];
