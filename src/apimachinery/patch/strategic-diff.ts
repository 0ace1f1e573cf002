/** Making strategic merge patches from two or three documents, as `kubectl apply` does. @module */
import { conflict } from "../errors.ts";
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
import { compareStrings } from "../text.ts";
import {
  DELETE_FROM_PRIMITIVE_LIST,
  PATCH,
  patchMetaOf,
  RETAIN_KEYS,
  SET_ELEMENT_ORDER,
  type PatchMeta,
} from "./directives.ts";
import { holdObjects, identityOf, sortByOrder } from "./element-order.ts";
import { patchesConflict } from "./strategic-conflict.ts";
import { combineStrategicMergePatches } from "./strategic-merge.ts";

interface DiffOptions {
  /** Changes and additions go into the patch. */
  readonly changes: boolean;
  readonly deletions: boolean;
  readonly setElementOrder: boolean;
  readonly retainKeys: boolean;
}

const BOTH: DiffOptions = { changes: true, deletions: true, setElementOrder: true, retainKeys: false };

/** The patch that makes `modified` of `original`; an empty one when they are equal. */
export function createTwoWayStrategicMergePatch(
  original: JsonObject,
  modified: JsonObject,
  schema: Schema,
): JsonObject {
  return diffMaps(original, modified, schema, BOTH);
}

/**
 * The patch for `current` that sets what `modified` sets and deletes what `original` had and `modified` has not.
 * Without `overwrite` it throws Conflict when `current` changed the same fields otherwise.
 */
export function createThreeWayStrategicMergePatch(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
  schema: Schema,
  overwrite = true,
): JsonObject {
  const delta = diffMaps(current, modified, schema, { ...BOTH, deletions: false });
  const deletions = diffMaps(original, modified, schema, { ...BOTH, changes: false });
  const patch = combineStrategicMergePatches(deletions, delta, schema);
  if (overwrite) return patch;
  const changed = diffMaps(original, current, schema, { ...BOTH, setElementOrder: false });
  if (!patchesConflict(patch, changed, schema)) return patch;
  const texts = `patch:\n${JSON.stringify(patch)}\nchanges:\n${JSON.stringify(changed)}\n`;
  throw conflict({ group: "", resource: "patch" }, "", `conflict between the ${texts}`);
}

function diffMaps(
  original: JsonObject,
  modified: JsonObject,
  schema: Schema | undefined,
  options: DiffOptions,
): JsonObject {
  const patch: MutableJsonObject = {};
  for (const [key, value] of Object.entries(modified)) {
    if (value === undefined) continue;
    diffField(patch, key, own(original, key), value, patchMetaOf(schema, key), options);
  }
  const removed = Object.keys(original).filter(
    (key) => original[key] !== undefined && own(modified, key) === undefined,
  );
  if (options.deletions) for (const key of removed) put(patch, key, null);
  if (!options.retainKeys) return patch;
  const retained = Object.keys(modified).filter(
    (key) => modified[key] !== null && modified[key] !== undefined,
  );
  if (retained.length > 0 && (Object.keys(patch).length > 0 || removed.length > 0)) {
    patch[RETAIN_KEYS] = retained.toSorted(compareStrings);
  }
  return patch;
}

function diffField(
  patch: MutableJsonObject,
  key: string,
  before: unknown,
  value: unknown,
  meta: PatchMeta,
  options: DiffOptions,
): void {
  if (before === undefined || jsonTypeOf(before) !== jsonTypeOf(value)) {
    if (options.changes) put(patch, key, value);
  } else if (isJsonObject(value) && meta.strategy !== "replace") {
    const inner = diffMaps(before as JsonObject, value, meta.schema, {
      ...options,
      retainKeys: meta.retainKeys,
    });
    if (Object.keys(inner).length > 0) put(patch, key, inner);
  } else if (Array.isArray(value) && meta.strategy === "merge") {
    diffLists(patch, key, before as unknown[], value, meta, { ...options, retainKeys: meta.retainKeys });
  } else if (options.changes && !jsonEqual(before, value)) put(patch, key, value);
}

function diffLists(
  patch: MutableJsonObject,
  key: string,
  original: readonly unknown[],
  modified: readonly unknown[],
  meta: PatchMeta,
  options: DiffOptions,
): void {
  if (original.length === 0) {
    if (modified.length > 0 && options.changes) put(patch, key, modified);
    return;
  }
  if (holdObjects(original, modified)) diffObjects(patch, key, original, modified, meta, options);
  else diffScalars(patch, key, original, modified, options);
}

function diffObjects(
  patch: MutableJsonObject,
  key: string,
  original: readonly unknown[],
  modified: readonly unknown[],
  meta: PatchMeta,
  options: DiffOptions,
): void {
  const { mergeKey } = meta;
  const before = new Map(original.map((item) => [identityOf(item, mergeKey), item as JsonObject]));
  const after = new Set(modified.map((item) => identityOf(item, mergeKey)));
  const changes: unknown[] = [];
  for (const item of modified as readonly JsonObject[]) {
    const old = before.get(identityOf(item, mergeKey));
    if (old === undefined) {
      if (options.changes) changes.push(item);
      continue;
    }
    const inner = diffMaps(old, item, meta.schema, options);
    if (Object.keys(inner).length > 0) changes.push({ ...inner, [mergeKey]: item[mergeKey] });
  }
  const gone = original.filter((item) => !after.has(identityOf(item, mergeKey))) as readonly JsonObject[];
  const deletions = options.deletions
    ? gone.map((item) => ({ [mergeKey]: item[mergeKey], [PATCH]: "delete" }))
    : [];
  const list = [...sortByOrder(changes, modified, mergeKey), ...deletions];
  if (list.length > 0) put(patch, key, list);
  const isSameOrder =
    original.length === modified.length &&
    original.every((item, i) => identityOf(item, mergeKey) === identityOf(modified[i], mergeKey));
  const changed =
    (options.changes && (list.length > 0 || !isSameOrder)) || (options.deletions && list.length > 0);
  if (options.setElementOrder && changed) {
    const order = (modified as readonly JsonObject[]).map((item) => ({ [mergeKey]: item[mergeKey] }));
    if (order.length > 0) put(patch, `${SET_ELEMENT_ORDER}/${key}`, order);
  }
}

function diffScalars(
  patch: MutableJsonObject,
  key: string,
  original: readonly unknown[],
  modified: readonly unknown[],
  options: DiffOptions,
): void {
  const added = options.changes ? modified.filter((item) => !original.includes(item)) : [];
  const removed = options.deletions ? [...new Set(original.filter((item) => !modified.includes(item)))] : [];
  if (added.length > 0) put(patch, key, added);
  if (removed.length > 0) put(patch, `${DELETE_FROM_PRIMITIVE_LIST}/${key}`, removed);
  const changed = removed.length > 0 || (options.changes && !jsonEqual(original, modified));
  if (options.setElementOrder && changed && modified.length > 0)
    put(patch, `${SET_ELEMENT_ORDER}/${key}`, modified);
}
