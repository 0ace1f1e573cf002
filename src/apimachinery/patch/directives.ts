/** The directives of strategic merge patches, and what a schema says about merging a field. @module */
import { isJsonObject, put, type JsonObject, type MutableJsonObject } from "../json.ts";
import { fieldOf, type Schema } from "../schema.ts";
import { badPatch } from "./errors.ts";

/** `delete`, `replace` or `merge` the object it stands in. */
export const PATCH = "$patch";
/** The fields that stay; all others are cleared. */
export const RETAIN_KEYS = "$retainKeys";
/** `$setElementOrder/<field>`: the order of a merged list. */
export const SET_ELEMENT_ORDER = "$setElementOrder";
/** `$deleteFromPrimitiveList/<field>`: items that leave a merged list of scalars. */
export const DELETE_FROM_PRIMITIVE_LIST = "$deleteFromPrimitiveList";

export const BAD_PRIMITIVE_LIST = "invalid patch format of primitive list";
export const BAD_RETAIN_KEYS = "invalid patch format of retainKeys";
export const BAD_SET_ELEMENT_ORDER = "invalid patch format of setElementOrder list";

export interface MergeOptions {
  /** Directives are carried out; false keeps them, when two patches are merged into one. */
  readonly mergeParallelList: boolean;
  /** Nulls for absent fields are dropped; false keeps them. */
  readonly ignoreUnmatchedNulls: boolean;
}

export interface PatchMeta {
  /** Schema of the value, or of the items when it is a list. */
  readonly schema: Schema | undefined;
  readonly strategy: "merge" | "replace" | undefined;
  readonly retainKeys: boolean;
  /** "" when lists merge by value. */
  readonly mergeKey: string;
}

/** How the value under `key` is merged. Fields that the schema does not know merge as objects and replace as lists. */
export function patchMetaOf(schema: Schema | undefined, key: string): PatchMeta {
  const field = fieldOf(schema, key);
  const value = field?.schema ?? (schema?.type === "map" ? schema.values : undefined);
  const strategies = field?.patchStrategy ?? [];
  return {
    schema: value?.type === "list" ? value.items : value,
    strategy: strategies.includes("merge") ? "merge" : strategies.includes("replace") ? "replace" : undefined,
    retainKeys: strategies.includes("retainKeys"),
    mergeKey: field?.patchMergeKey ?? "",
  };
}

/** The field that a directive with a `/` is about; undefined when `key` is not such a directive. */
export function directiveField(key: string, directive: string): string | undefined {
  if (!key.startsWith(directive)) return undefined;
  const slash = key.indexOf("/");
  if (slash === directive.length) return key.slice(slash + 1);
  throw badPatch(directive === SET_ELEMENT_ORDER ? BAD_SET_ELEMENT_ORDER : BAD_PRIMITIVE_LIST);
}

/**
 * A value of a patch as it is stored where nothing stood before; undefined when nothing is to be stored. `final` drops
 * nulls and lists of directions too; without it the result is still a patch.
 */
export function withoutDirectives(value: unknown, final: boolean): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => withoutDirectives(item, final)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, PATCH)) return undefined;
  return cleaned(value, final);
}

function cleaned(value: JsonObject, final: boolean): JsonObject {
  const out: MutableJsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    if (final && (child === null || isParallelDirective(key))) continue;
    const kept = withoutDirectives(child, final);
    if (kept !== undefined) put(out, key, kept);
  }
  return out;
}

function isParallelDirective(key: string): boolean {
  if (!key.startsWith("$")) return false;
  return (
    key === RETAIN_KEYS ||
    key.startsWith(`${SET_ELEMENT_ORDER}/`) ||
    key.startsWith(`${DELETE_FROM_PRIMITIVE_LIST}/`)
  );
}
