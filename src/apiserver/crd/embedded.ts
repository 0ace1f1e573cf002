/** Objects inside objects say what they are and have proper metadata; upstream's `schema/objectmeta`. @module */
import {
  field,
  isDns1035Label,
  isJsonObject,
  validateObjectMeta,
  isPathSegmentName,
  type JsonObject,
  type ObjectMeta,
  type StatusCause,
} from "#apimachinery";
import { childOf, type Structural } from "./structural.ts";

export function validateEmbedded(
  value: unknown,
  schema: Structural | undefined,
  path = "",
): readonly StatusCause[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => validateEmbedded(item, schema.items, field.index(path, i)));
  }
  if (!isJsonObject(value)) return [];
  const inside = Object.keys(value).flatMap((key) => {
    const at = schema.properties.has(key) ? field.child(path, key) : field.key(path, key);
    return validateEmbedded(value[key], childOf(schema, key), at);
  });
  return schema.isEmbedded ? [...validateResource(value, path), ...inside] : inside;
}

function validateResource(object: JsonObject, path: string): readonly StatusCause[] {
  const { apiVersion, kind, metadata } = object;
  return [
    ...validateWord(apiVersion, field.child(path, "apiVersion"), () => []),
    ...validateWord(kind, field.child(path, "kind"), (text, at) => {
      const problems = isDns1035Label(text.toLowerCase());
      if (problems.length === 0) return [];
      return [
        field.invalid(at, text, `may have mixed case, but should otherwise match: ${problems.join(",")}`),
      ];
    }),
    ...(isJsonObject(metadata) ? validateMetadata(metadata, field.child(path, "metadata")) : []),
  ];
}

function validateWord(
  value: unknown,
  path: string,
  more: (text: string, path: string) => readonly StatusCause[],
): readonly StatusCause[] {
  if (value === undefined) return [field.required(path)];
  if (typeof value !== "string") return [field.invalid(path, value, "must be a string")];
  return value === "" ? [field.invalid(path, value, "must not be empty")] : more(value, path);
}

function validateMetadata(metadata: JsonObject, path: string): readonly StatusCause[] {
  const { namespace, name } = metadata as unknown as ObjectMeta;
  const named = { ...(metadata as unknown as ObjectMeta), name: name || "fakename" };
  const rules = { namespaced: (namespace ?? "") !== "", nameRule: isPathSegmentName };
  return validateObjectMeta(named, rules).map((cause) => ({
    ...cause,
    field: cause.field.replace(/^metadata/, () => path),
  }));
}
