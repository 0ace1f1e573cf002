/** Whether two strategic merge patches want different things of the same field. @module */
import { isJsonObject, jsonEqual, own, type JsonObject } from "../json.ts";
import type { Schema } from "../schema.ts";
import { PATCH, patchMetaOf, RETAIN_KEYS, type PatchMeta } from "./directives.ts";
import { holdObjects } from "./element-order.ts";

const NO_META: PatchMeta = { schema: undefined, strategy: undefined, retainKeys: false, mergeKey: "" };

export function patchesConflict(left: JsonObject, right: JsonObject, schema: Schema): boolean {
  return mapsConflict(left, right, { ...NO_META, schema });
}

function valuesConflict(left: unknown, right: unknown, meta: PatchMeta): boolean {
  if (isJsonObject(left)) return !isJsonObject(right) || mapsConflict(left, right, meta);
  if (Array.isArray(left)) return !Array.isArray(right) || listsConflict(left, right, meta);
  return !jsonEqual(left, right);
}

function mapsConflict(left: JsonObject, right: JsonObject, meta: PatchMeta): boolean {
  // A directive is about the whole map, so it conflicts with anything but itself.
  if (own(left, PATCH) !== own(right, PATCH)) return true;
  if (meta.strategy === "replace") return false;
  return Object.entries(left).some(([key, value]) => {
    if (key === PATCH || key === RETAIN_KEYS || !Object.hasOwn(right, key)) return false;
    return valuesConflict(value, right[key], patchMetaOf(meta.schema, key));
  });
}

function listsConflict(left: readonly unknown[], right: readonly unknown[], meta: PatchMeta): boolean {
  const objects = holdObjects(left, right);
  if (meta.strategy === "merge") return objects && mergedListsConflict(left, right, meta);
  return left.length !== right.length || left.some((item, i) => valuesConflict(item, right[i], NO_META));
}

function mergedListsConflict(left: readonly unknown[], right: readonly unknown[], meta: PatchMeta): boolean {
  const others = new Map((right as readonly JsonObject[]).map((item) => [own(item, meta.mergeKey), item]));
  return (left as readonly JsonObject[]).some((item) => {
    const other = others.get(own(item, meta.mergeKey));
    return other !== undefined && mapsConflict(item, other, { ...NO_META, schema: meta.schema });
  });
}
