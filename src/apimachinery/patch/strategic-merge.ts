/** Strategic merge patch: a merge patch whose lists merge by key, as the schema of the type says. @module */
import {
  isJsonObject,
  jsonEqual,
  jsonTypeOf,
  own,
  put,
  type JsonObject,
  type MutableJsonObject,
} from "../json.ts";
import type { Schema } from "../schema.ts";
import {
  BAD_RETAIN_KEYS,
  BAD_SET_ELEMENT_ORDER,
  DELETE_FROM_PRIMITIVE_LIST,
  directiveField,
  PATCH,
  patchMetaOf,
  RETAIN_KEYS,
  SET_ELEMENT_ORDER,
  withoutDirectives,
  type MergeOptions,
  type PatchMeta,
} from "./directives.ts";
import { identityOf, orderElements } from "./element-order.ts";
import { badPatch, invalidPatch } from "./errors.ts";
import { deleteFromList, mergeLists } from "./strategic-lists.ts";

const APPLY: MergeOptions = { mergeParallelList: true, ignoreUnmatchedNulls: true };
const COMBINE: MergeOptions = { mergeParallelList: false, ignoreUnmatchedNulls: false };

/**
 * `document` after `patch`; neither is changed, what the patch does not mention is shared. Throws `StatusError`:
 * BadRequest for malformed directives, Invalid for items without their merge key and the like.
 */
export function applyStrategicMergePatch(document: JsonObject, patch: unknown, schema: Schema): JsonObject {
  if (!isJsonObject(patch)) throw badPatch("invalid JSON document");
  return mergeMaps(document, patch, schema, APPLY);
}

/** One patch that does what `first` and then `second` do. */
export function combineStrategicMergePatches(
  first: JsonObject,
  second: JsonObject,
  schema: Schema,
): JsonObject {
  return mergeMaps(first, second, schema, COMBINE);
}

/** The recursion; shared with the lists, whose items are maps again. */
export function mergeMaps(
  originalIn: JsonObject,
  patchIn: JsonObject,
  schema: Schema | undefined,
  options: MergeOptions,
): JsonObject {
  if (Object.hasOwn(patchIn, PATCH)) return byDirective(patchIn);
  const original: MutableJsonObject = { ...originalIn };
  const patch: MutableJsonObject = { ...patchIn };
  applyRetainKeys(original, patch, options);
  applyElementOrders(original, patch, schema, options);
  for (const [key, value] of Object.entries(patch)) mergeField(original, key, value, schema, options);
  return original;
}

function mergeField(
  original: MutableJsonObject,
  key: string,
  value: unknown,
  schema: Schema | undefined,
  options: MergeOptions,
): void {
  const deletionOf = directiveField(key, DELETE_FROM_PRIMITIVE_LIST);
  if (deletionOf !== undefined) {
    if (options.mergeParallelList) deleteFromList(original, deletionOf, value);
    else put(original, key, value);
    return;
  }
  if (value === undefined) return;
  if (value === null) {
    if (options.ignoreUnmatchedNulls) delete original[key];
    else put(original, key, null);
    return;
  }
  const before = own(original, key);
  const merged = mergeValues(before, value, patchMetaOf(schema, key), options);
  if (merged === undefined) delete original[key];
  else put(original, key, merged);
}

function mergeValues(before: unknown, value: unknown, meta: PatchMeta, options: MergeOptions): unknown {
  if (before === undefined || jsonTypeOf(before) !== jsonTypeOf(value)) {
    return withoutDirectives(value, options.ignoreUnmatchedNulls);
  }
  if (isJsonObject(value)) {
    return meta.strategy === "replace" ? value : mergeMaps(before as JsonObject, value, meta.schema, options);
  }
  if (!Array.isArray(value)) return value;
  return meta.strategy === "merge" ? mergeLists(before as unknown[], value, meta, options, mergeMaps) : value;
}

/** `$patch` on an object: its replacement, or nothing left of it. */
function byDirective(patch: JsonObject): JsonObject {
  const { [PATCH]: directive, ...rest } = patch;
  if (directive === "replace") return rest;
  if (directive === "delete") return {};
  throw invalidPatch(`unknown patch type: ${String(directive)} in map: ${JSON.stringify(patch)}`);
}

/** Clears what the patch's `$retainKeys` does not name. */
function applyRetainKeys(original: MutableJsonObject, patch: MutableJsonObject, options: MergeOptions): void {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return;
  delete patch[RETAIN_KEYS];
  if (!options.mergeParallelList) {
    if (original[RETAIN_KEYS] !== undefined && !jsonEqual(original[RETAIN_KEYS], keys))
      throw badPatch(BAD_RETAIN_KEYS);
    original[RETAIN_KEYS] = keys;
    return;
  }
  if (!Array.isArray(keys)) throw badPatch(BAD_RETAIN_KEYS);
  const retained = new Set<unknown>(keys);
  for (const [key, value] of Object.entries(patch)) {
    const isDirective = key.startsWith(DELETE_FROM_PRIMITIVE_LIST) || key.startsWith(SET_ELEMENT_ORDER);
    if (value !== null && !isDirective && !retained.has(key)) throw badPatch(BAD_RETAIN_KEYS);
  }
  for (const key of Object.keys(original)) if (!retained.has(key)) delete original[key];
}

/** Carries out every `$setElementOrder/<field>`, together with the field's own patch. */
function applyElementOrders(
  original: MutableJsonObject,
  patch: MutableJsonObject,
  schema: Schema | undefined,
  options: MergeOptions,
): void {
  for (const key of Object.keys(patch)) {
    const field = directiveField(key, SET_ELEMENT_ORDER);
    if (field === undefined) continue;
    const order = patch[key];
    delete patch[key];
    if (!Array.isArray(order)) throw badPatch(BAD_SET_ELEMENT_ORDER);
    if (!options.mergeParallelList) {
      if (original[key] !== undefined && !jsonEqual(original[key], order))
        throw badPatch(BAD_SET_ELEMENT_ORDER);
      original[key] = order;
    }
    applyElementOrder(original, patch, field, order, patchMetaOf(schema, field), options);
  }
}

function applyElementOrder(
  original: MutableJsonObject,
  patch: MutableJsonObject,
  field: string,
  order: readonly unknown[],
  meta: PatchMeta,
  options: MergeOptions,
): void {
  const live = listOf(own(original, field));
  const changes = listOf(own(patch, field));
  delete patch[field];
  if (live === undefined && changes === undefined) return;
  checkOrder(changes ?? [], order, meta.mergeKey);
  const merged =
    live === undefined
      ? (withoutDirectives(changes, options.ignoreUnmatchedNulls) as unknown[])
      : changes === undefined
        ? live
        : meta.strategy === "merge"
          ? mergeLists(live, changes, meta, options, mergeMaps)
          : changes;
  put(original, field, orderElements(merged, order, live ?? [], meta.mergeKey));
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value;
  throw invalidPatch(`expected a []interface {}, but received ${JSON.stringify(value)}`);
}

/** The items of a patch must stand in the order that the patch itself demands. */
function checkOrder(changes: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0) return;
  let next = 0;
  for (const item of changes) {
    if (isJsonObject(item) && Object.hasOwn(item, PATCH)) continue;
    const identity = identityOf(item, mergeKey);
    while (next < order.length && identityOf(order[next], mergeKey) !== identity) next++;
    if (next++ >= order.length) {
      throw invalidPatch(
        `The order in patch list:\n${JSON.stringify(changes)}\n doesn't match ${SET_ELEMENT_ORDER} list:\n${JSON.stringify(order)}\n`,
      );
    }
  }
}
