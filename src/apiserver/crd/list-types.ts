/** Lists that are sets or maps hold nothing twice; upstream's `schema/listtype`. @module */
import { field, isJsonObject, jsonEqual, type StatusCause } from "#apimachinery";
import { childOf, type Structural } from "./structural.ts";

export function validateListTypes(
  value: unknown,
  schema: Structural | undefined,
  path: string,
): readonly StatusCause[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    return [
      ...twinsOf(value, schema, path),
      ...value.flatMap((item, i) => validateListTypes(item, schema.items, field.index(path, i))),
    ];
  }
  if (!isJsonObject(value)) return [];
  return Object.keys(value).flatMap((key) => {
    const at = schema.properties.has(key) ? field.child(path, key) : field.key(path, key);
    return validateListTypes(value[key], childOf(schema, key), at);
  });
}

function twinsOf(list: readonly unknown[], schema: Structural, path: string): readonly StatusCause[] {
  if (schema.listType === "set") {
    return secondOnes(list).map((i) => field.duplicate(field.index(path, i), list[i]));
  }
  if (schema.listType !== "map") return [];
  const stranger = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (stranger >= 0) {
    const why = "must be an object for an array of list-type map";
    return [field.invalid(field.index(path, stranger), list[stranger], why)];
  }
  const keys = list.map((item) => keyOf(item, schema.listMapKeys));
  return secondOnes(keys).map((i) => field.duplicate(field.index(path, i), keys[i]));
}

export function keyOf(item: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isJsonObject(item)) return {};
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(item, name)).map((name) => [name, item[name]]),
  );
}

/** Where each value that occurs more than once does so for the second time. */
function secondOnes(values: readonly unknown[]): readonly number[] {
  const seen = new Map<string, number>();
  return values.flatMap((value, i) => {
    const text = canonical(value);
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    return times === 2 ? [i] : [];
  });
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).toSorted();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

/** The item of `old` that is the same one as `item`. */
export function counterpart(item: unknown, old: readonly unknown[], keys: readonly string[]): unknown {
  const key = keyOf(item, keys);
  return old.find((other) => jsonEqual(keyOf(other, keys), key));
}
