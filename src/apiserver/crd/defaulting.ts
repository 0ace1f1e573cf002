/** Fills in the defaults of a schema, and drops nulls where none may be; upstream's `schema/defaulting`. Copies what it must. @module */
import { isJsonObject, put, type JsonObject, type MutableJsonObject } from "#apimachinery";
import { childOf, type Structural } from "./structural.ts";

/** The whole object, or the same one when nothing was missing. */
export function withDefaults(object: JsonObject, schema: Structural): JsonObject {
  const pruned = withoutNulls(object, schema);
  return (schema.hasDefaults ? defaulted(pruned, schema) : pruned) as JsonObject;
}

/** Nulls that are not nullable and that no default replaces: they count as absent. Items of lists stay, for validation. */
function withoutNulls(value: unknown, schema: Structural | undefined): unknown {
  if (Array.isArray(value)) return mapped(value, (item) => withoutNulls(item, schema?.items));
  if (!isJsonObject(value)) return value;
  let out: MutableJsonObject | undefined;
  for (const key of Object.keys(value)) {
    const child = childOf(schema, key);
    const before = value[key];
    if (before === null && isReplaced(child) && child.default === undefined) {
      out ??= { ...value };
      delete out[key];
      continue;
    }
    const after = withoutNulls(before, child);
    if (after === before) continue;
    out ??= { ...value };
    put(out, key, after);
  }
  return out ?? value;
}

function defaulted(value: unknown, schema: Structural | undefined): unknown {
  if (schema === undefined || !schema.hasDefaults) return value;
  if (Array.isArray(value)) {
    return mapped(value, (item) => defaulted(replaced(item, schema.items), schema.items));
  }
  if (!isJsonObject(value)) return value;
  let out: MutableJsonObject | undefined;
  const set = (key: string, to: unknown): void => put((out ??= { ...value }), key, to);
  for (const [key, property] of schema.properties) {
    if (property.default === undefined || (Object.hasOwn(value, key) && value[key] !== undefined)) continue;
    set(key, property.default);
  }
  for (const key of Object.keys(out ?? value)) {
    const child = childOf(schema, key);
    if (child === undefined) continue;
    const before = (out ?? value)[key];
    const after = defaulted(replaced(before, child), child);
    if (after !== before) set(key, after);
  }
  return out ?? value;
}

/** A null that may not be one gives way to the default. */
function replaced(value: unknown, schema: Structural | undefined): unknown {
  return value === null && isReplaced(schema) ? (schema.default ?? null) : value;
}

function isReplaced(schema: Structural | undefined): schema is Structural {
  return schema !== undefined && !schema.nullable;
}

function mapped(list: readonly unknown[], map: (item: unknown) => unknown): readonly unknown[] {
  let out: unknown[] | undefined;
  for (const [i, item] of list.entries()) {
    const after = map(item);
    if (after === item) continue;
    out ??= [...list];
    out[i] = after;
  }
  return out ?? list;
}
