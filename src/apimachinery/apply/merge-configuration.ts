/** A configuration laid over an object without ownership: what a mutation with ApplyConfiguration does. @module */
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Schema } from "../schema.ts";
import { merge } from "./merge.ts";
import { schemaOfField } from "./shape.ts";
import { validateTyped } from "./validate.ts";

/** Throws an Error for a configuration that does not fit its type, or has something that apply replaces whole. */
export function mergeConfiguration(live: JsonObject, applied: JsonObject, schema: Schema): JsonObject {
  const problems = validateTyped(applied, schema);
  if (problems.length > 0) {
    const list =
      problems.length === 1
        ? problems[0]!
        : ["errors:", ...problems.map((problem) => `  ${problem}`)].join("\n");
    throw new Error(`failed to convert patch object to typed object: ${list}`);
  }
  const atomics = atomicsIn(applied, schema, "");
  if (atomics.length > 0) {
    throw new Error(
      `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(", ")}`,
    );
  }
  return merge(live, applied, schema) as JsonObject;
}

/** Who sets a field of something that is atomic would remove all others. */
function atomicsIn(value: unknown, schema: Schema | undefined, path: string): readonly string[] {
  if (isJsonObject(value) && (schema?.type === "struct" || schema?.type === "map")) {
    return [
      ...(schema.mapType === "atomic" ? [path] : []),
      ...Object.entries(value).flatMap(([key, child]) =>
        atomicsIn(child, schemaOfField(schema, key), `${path}.${key}`),
      ),
    ];
  }
  if (Array.isArray(value) && schema?.type === "list") {
    const isAtomic = schema.listType !== "map" && schema.listType !== "set";
    return [
      ...(isAtomic ? [path] : []),
      ...value.flatMap((item, i) => atomicsIn(item, schema.items, `${path}[${i}]`)),
    ];
  }
  return [];
}
