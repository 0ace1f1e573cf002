/** Drops the fields that a schema does not know, and names them; upstream's `schema/pruning`. Changes nothing: copies what it must. @module */
import {
  decodeTyped,
  field,
  isJsonObject,
  put,
  type JsonObject,
  type MutableJsonObject,
  type StructSchema,
} from "#apimachinery";
import { lookupType } from "#api";
import type { Structural } from "./structural.ts";

const META_FIELDS: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);
/** Paths that are reported; more help nobody. */
const UNKNOWN_MAX = 100;

/** The whole object; its `apiVersion`, `kind` and `metadata` stay, the latter without fields that metadata does not have. */
export function pruneObject(
  object: JsonObject,
  schema: Structural,
): { readonly object: JsonObject; readonly unknownFields: readonly string[] } {
  const unknown: string[] = [];
  const pruned = prune(object, { ...schema, isEmbedded: true }, "", unknown) as JsonObject;
  return { object: pruned, unknownFields: unknown.toSorted() };
}

function prune(value: unknown, schema: Structural | undefined, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    return mapped(value, (item, i) => prune(item, schema?.items, field.index(path, i), unknown));
  }
  if (!isJsonObject(value)) return value;
  let out: MutableJsonObject | undefined;
  for (const key of Object.keys(value)) {
    const before = value[key];
    const after = pruneField(before, key, schema, path, unknown);
    if (after === before && after !== undefined) continue;
    out ??= { ...value };
    if (after === undefined) delete out[key];
    else put(out, key, after);
  }
  return out ?? value;
}

/** Undefined: the field goes. */
function pruneField(
  value: unknown,
  key: string,
  schema: Structural | undefined,
  path: string,
  unknown: string[],
): unknown {
  if (schema?.isEmbedded === true && META_FIELDS.has(key)) {
    return key === "metadata" ? pruneMetadata(value, field.child(path, key), unknown) : value;
  }
  const inner = field.child(path, key);
  const property = schema?.properties.get(key);
  if (property !== undefined) return prune(value, property, inner, unknown);
  if (schema?.additional !== undefined) {
    return prune(value, schema.additional === "any" ? undefined : schema.additional, inner, unknown);
  }
  if (schema?.preservesUnknown === true) return value;
  if (unknown.length < UNKNOWN_MAX && !(path === "" && META_FIELDS.has(key))) unknown.push(inner);
  return undefined;
}

function pruneMetadata(value: unknown, path: string, unknown: string[]): unknown {
  if (!isJsonObject(value)) return value;
  const decoded = decodeTyped(value, objectMeta());
  for (const name of decoded.unknownFields)
    if (unknown.length < UNKNOWN_MAX) unknown.push(field.child(path, name));
  return decoded.object;
}

let objectMetaSchema: StructSchema | undefined;

export function objectMeta(): StructSchema {
  objectMetaSchema ??= lookupType("meta/v1", "ObjectMeta");
  if (objectMetaSchema === undefined) throw new Error("the fields of ObjectMeta are not known");
  return objectMetaSchema;
}

function mapped(list: readonly unknown[], map: (item: unknown, i: number) => unknown): readonly unknown[] {
  let out: unknown[] | undefined;
  for (const [i, item] of list.entries()) {
    const after = map(item, i);
    if (after === item) continue;
    out ??= [...list];
    out[i] = after;
  }
  return out ?? list;
}
