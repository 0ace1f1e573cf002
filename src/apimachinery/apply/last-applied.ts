/** The way from client-side to server-side apply: what kubectl's annotation says it applied is no conflict. @module */
import type { JsonObject } from "../json.ts";
import { isJsonObject, own } from "../json.ts";
import type { Schema } from "../schema.ts";
import { ANNOTATIONS_BYTES_MAX } from "../validation/object-meta.ts";
import { byteLength } from "../text.ts";
import { compare } from "./compare.ts";
import { difference, type FieldSet } from "./field-set.ts";
import { toFieldSet } from "./to-field-set.ts";

export const LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Fields that the annotation names and that still have the value it gave them; undefined without a usable annotation. */
export function allowedByLastApplied(
  live: JsonObject,
  apiVersion: string,
  schema: Schema,
): FieldSet | undefined {
  const text = lastAppliedOf(live);
  if (text === undefined) return undefined;
  const applied = parse(text);
  if (applied === undefined || own(applied, "apiVersion") !== apiVersion) return undefined;
  const { modified, added, removed } = compare(applied, live, schema);
  return difference(difference(difference(toFieldSet(applied, schema), modified), added), removed);
}

/** The object with the annotation brought up to date, if it has one: client-side apply may go on from there. */
export function syncLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  if (lastAppliedOf(object) === undefined) return object;
  const metadata = own(object, "metadata") as JsonObject;
  const { [LAST_APPLIED_ANNOTATION]: _old, ...others } = own(metadata, "annotations") as Record<
    string,
    string
  >;
  const annotations = {
    ...others,
    [LAST_APPLIED_ANNOTATION]: `${JSON.stringify(withoutAnnotation(applied))}\n`,
  };
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + byteLength(key) + byteLength(value),
    0,
  );
  return {
    ...object,
    metadata: { ...metadata, annotations: size > ANNOTATIONS_BYTES_MAX ? others : annotations },
  };
}

function lastAppliedOf(object: JsonObject): string | undefined {
  const metadata = own(object, "metadata");
  const annotations = isJsonObject(metadata) ? own(metadata, "annotations") : undefined;
  const text = isJsonObject(annotations) ? own(annotations, LAST_APPLIED_ANNOTATION) : undefined;
  return typeof text === "string" && text !== "" ? text : undefined;
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const metadata = own(applied, "metadata");
  const annotations = isJsonObject(metadata) ? own(metadata, "annotations") : undefined;
  if (!isJsonObject(metadata) || !isJsonObject(annotations)) return applied;
  const { [LAST_APPLIED_ANNOTATION]: _own, ...others } = annotations;
  return { ...applied, metadata: { ...metadata, annotations: others } };
}

/** An annotation that anybody may write need not be JSON. */
function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
