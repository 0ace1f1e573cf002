/** Values of one type or another (JSON schemas in CustomResourceDefinitions), as the members of their messages. @module */
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { UntypedSchema } from "../../schema.ts";

/** Which member a value is; what no member can hold is none. */
export function unionMembers(value: unknown, { form }: UntypedSchema): JsonObject {
  const schema = isJsonObject(value) ? value : undefined;
  if (form === "schemaOrBool") return { allows: value === true || schema !== undefined, schema };
  if (schema !== undefined) return { schema };
  if (!Array.isArray(value)) return {};
  return form === "schemaOrArray" ? { jSONSchemas: value } : { property: value };
}

/** The value of a message; undefined when no member is set. */
export function unionValue(members: JsonObject, { form }: UntypedSchema): unknown {
  if (form === "schemaOrBool") return members["schema"] ?? members["allows"] === true;
  return members[form === "schemaOrArray" ? "jSONSchemas" : "property"] ?? members["schema"];
}
