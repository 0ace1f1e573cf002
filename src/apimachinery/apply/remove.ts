/** An object without some of its fields and items. @module */
import { isJsonObject, put, type MutableJsonObject } from "../json.ts";
import type { ListSchema, Schema } from "../schema.ts";
import { hasElement, isEmptySet, withPrefix, type FieldSet } from "./field-set.ts";
import { fieldElement, itemElement, schemaOfField, shapeOf } from "./shape.ts";

/** `value` without what `set` names. What loses all it contains stays, empty. */
export function removeItems(value: unknown, set: FieldSet, schema: Schema | undefined): unknown {
  if (isEmptySet(set)) return value;
  const shape = shapeOf(schema, value);
  if (shape.kind === "list" && Array.isArray(value)) return removeFromList(value, set, shape.schema);
  if (shape.kind === "map" && isJsonObject(value)) return removeFromMap(value, set, schema);
  return value;
}

function removeFromMap(
  value: Readonly<Record<string, unknown>>,
  set: FieldSet,
  schema: Schema | undefined,
): unknown {
  const out: MutableJsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    const element = fieldElement(key);
    if (hasElement(set, element)) continue;
    put(out, key, removeItems(child, withPrefix(set, element), schemaOfField(schema, key)));
  }
  return out;
}

function removeFromList(items: readonly unknown[], set: FieldSet, schema: ListSchema): readonly unknown[] {
  const out: unknown[] = [];
  for (const item of items) {
    const element = itemElement(item, schema);
    if (typeof element !== "string") out.push(item);
    else if (!hasElement(set, element)) out.push(removeItems(item, withPrefix(set, element), schema.items));
  }
  return out;
}
