/** JSON Merge Patch (RFC 7396): applying, and making one from two or three documents. @module */
import { isJsonObject, jsonEqual, own, put, type JsonObject, type MutableJsonObject } from "../json.ts";
import { badPatch, invalidPatch } from "./errors.ts";

/** `document` after `patch`; what the patch does not mention is shared. Throws BadRequest when `patch` is no object. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) throw badPatch("Invalid JSON Patch");
  return merge(document, patch);
}

/** The patch that makes `modified` of `original`; an empty one when they are equal. */
export function createMergePatch(original: JsonObject, modified: JsonObject): JsonObject {
  return diff(original, modified, { changes: true, deletions: true });
}

/**
 * The patch for `current` that sets what `modified` sets and deletes what `original` had and `modified` has not;
 * what others added to `current` stays.
 */
export function createThreeWayMergePatch(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
): JsonObject {
  const additions = diff(current, modified, { changes: true, deletions: false });
  const deletions = diff(original, modified, { changes: false, deletions: true });
  return mergePatches(deletions, additions);
}

/** Fails when a patch changes what its maker may not touch (`apiVersion`, `kind`, `metadata.name`). */
export function requireUnchanged(patch: JsonObject, ...paths: readonly (readonly string[])[]): void {
  for (const path of paths) {
    let value: unknown = patch;
    for (const key of path) value = isJsonObject(value) ? own(value, key) : undefined;
    if (value !== undefined) throw invalidPatch(`precondition failed for: ${JSON.stringify(patch)}`);
  }
}

function merge(target: unknown, patch: JsonObject): JsonObject {
  const out: MutableJsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else if (value !== undefined) put(out, key, isJsonObject(value) ? merge(own(out, key), value) : value);
  }
  return out;
}

interface DiffOptions {
  readonly changes: boolean;
  readonly deletions: boolean;
}

function diff(original: JsonObject, modified: JsonObject, options: DiffOptions): JsonObject {
  const patch: MutableJsonObject = {};
  for (const [key, value] of Object.entries(modified)) {
    const before = own(original, key);
    if (isJsonObject(before) && isJsonObject(value)) {
      const inner = diff(before, value, options);
      if (Object.keys(inner).length > 0) put(patch, key, inner);
    } else if (options.changes && value !== undefined && !jsonEqual(before, value)) put(patch, key, value);
  }
  if (!options.deletions) return patch;
  for (const key of Object.keys(original)) {
    if (own(modified, key) === undefined && original[key] !== undefined) put(patch, key, null);
  }
  return patch;
}

/** The patch that does what `first` and then `second` do; unlike `merge` it keeps nulls. */
function mergePatches(first: JsonObject, second: JsonObject): JsonObject {
  const out: MutableJsonObject = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = own(out, key);
    put(out, key, isJsonObject(before) && isJsonObject(value) ? mergePatches(before, value) : value);
  }
  return out;
}
