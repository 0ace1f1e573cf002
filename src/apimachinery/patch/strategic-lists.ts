/** Merging the lists of strategic merge patches: by key, or as sets of scalars. @module */
import { own, put, type JsonObject, type MutableJsonObject } from "../json.ts";
import type { Schema } from "../schema.ts";
import {
  BAD_PRIMITIVE_LIST,
  PATCH,
  withoutDirectives,
  type MergeOptions,
  type PatchMeta,
} from "./directives.ts";
import { holdObjects, identityOf, objectItem, orderElements } from "./element-order.ts";
import { badPatch, invalidPatch } from "./errors.ts";

type MergeMaps = (
  original: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
  options: MergeOptions,
) => JsonObject;

/** Items of the patch are merged into those with the same key, or added; the result keeps the patch's order. */
export function mergeLists(
  original: readonly unknown[],
  patch: readonly unknown[],
  meta: PatchMeta,
  options: MergeOptions,
  mergeMaps: MergeMaps,
): readonly unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  if (!holdObjects(original, patch)) {
    return orderElements([...new Set([...original, ...patch])], patch, original, "");
  }
  if (meta.mergeKey === "") {
    const name = meta.schema?.type === "struct" ? meta.schema.name : "value";
    throw invalidPatch(`cannot merge lists without merge key for ${name}`);
  }
  const special = applyItemDirectives(original, patch, meta.mergeKey);
  const merged = mergeItems(special.original, special.patch, meta, options, mergeMaps);
  return orderElements(merged, special.patch, special.original, meta.mergeKey);
}

/** `$deleteFromPrimitiveList/<field>`. */
export function deleteFromList(original: MutableJsonObject, field: string, deletions: unknown): void {
  if (!Array.isArray(deletions)) throw badPatch(BAD_PRIMITIVE_LIST);
  const list = own(original, field);
  if (!Array.isArray(list)) return;
  const gone = new Set<unknown>(deletions);
  put(
    original,
    field,
    list.filter((item) => !gone.has(item)),
  );
}

function mergeItems(
  original: readonly unknown[],
  patch: readonly unknown[],
  meta: PatchMeta,
  options: MergeOptions,
  mergeMaps: MergeMaps,
): readonly unknown[] {
  const merged = [...original];
  const positions = new Map<unknown, number>();
  for (const [i, item] of original.entries()) {
    const identity = own(objectItem(item), meta.mergeKey);
    if (!positions.has(identity)) positions.set(identity, i);
  }
  for (const item of patch) {
    const identity = identityOf(item, meta.mergeKey);
    const position = positions.get(identity);
    if (position === undefined) {
      positions.set(identity, merged.length);
      merged.push(options.mergeParallelList ? withoutDirectives(item, options.ignoreUnmatchedNulls) : item);
    } else {
      merged[position] = mergeMaps(merged[position] as JsonObject, item as JsonObject, meta.schema, options);
    }
  }
  return merged;
}

/** Carries out `$patch: delete` and `$patch: replace` among the items. */
function applyItemDirectives(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
): { readonly original: readonly unknown[]; readonly patch: readonly unknown[] } {
  const deleted = new Set<unknown>();
  const ordinary: unknown[] = [];
  let isReplacement = false;
  for (const item of patch) {
    const object = objectItem(item);
    const directive = own(object, PATCH);
    if (directive === undefined) ordinary.push(item);
    else if (directive === "delete") deleted.add(identityOf(object, mergeKey));
    else if (directive === "replace") isReplacement = true;
    else if (directive === "merge") throw invalidPatch("merging lists cannot yet be specified in the patch");
    else
      throw invalidPatch(
        `unknown patch type: ${JSON.stringify(directive)} in map: ${JSON.stringify(object)}`,
      );
  }
  if (isReplacement) return { original: ordinary, patch: [] };
  const kept =
    deleted.size === 0 ? original : original.filter((item) => !deleted.has(own(objectItem(item), mergeKey)));
  return { original: kept, patch: ordinary };
}
