/** Definitions that are no structs: values that JSON writes as one, and the free-form parts of schemas. @module */
import { scalarDefinitions } from "#api";
import type { Dialect, SchemaObject } from "./schema-object.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
export const PATCH_DEFINITION: string = `${META}.Patch`;

const JSON_ANY = `${APIEXTENSIONS}.JSON`;
const OR_ARRAY = `${APIEXTENSIONS}.JSONSchemaPropsOrArray`;
const OR_BOOL = `${APIEXTENSIONS}.JSONSchemaPropsOrBool`;
const OR_STRING_ARRAY = `${APIEXTENSIONS}.JSONSchemaPropsOrStringArray`;

/** The fields of JSONSchemaProps that may be several things, which the facts know as JSON only. */
const JSON_FIELDS: Readonly<Record<string, string>> = {
  additionalItems: OR_BOOL,
  additionalProperties: OR_BOOL,
  default: JSON_ANY,
  dependencies: OR_STRING_ARRAY,
  enum: JSON_ANY,
  example: JSON_ANY,
  items: OR_ARRAY,
};

/** The definition of a free-form field; undefined for all other fields. */
export function jsonFieldDefinition(struct: string, field: string): string | undefined {
  return struct === "JSONSchemaProps" ? JSON_FIELDS[field] : undefined;
}

const DATE_TIME = { type: "string", format: "date-time" } as const;
const OBJECT = { type: "object" } as const;

const QUANTITY: Readonly<Record<Dialect, SchemaObject>> = {
  v2: { type: "string" },
  v3: { oneOf: [{ type: "string" }, { type: "number" }] },
};
const INT_OR_STRING: Readonly<Record<Dialect, SchemaObject>> = {
  v2: { type: "string", format: "int-or-string" },
  v3: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
};

/** Name -> schema object. */
export function plainDefinitions(dialect: Dialect): ReadonlyMap<string, SchemaObject> {
  const { quantity, time, microTime, intOrString, rawExtension, fieldsV1 } = scalarDefinitions;
  return new Map([
    [quantity!, QUANTITY[dialect]],
    [time!, DATE_TIME],
    [microTime!, DATE_TIME],
    [intOrString!, INT_OR_STRING[dialect]],
    [rawExtension!, OBJECT],
    [fieldsV1!, OBJECT],
    [PATCH_DEFINITION, OBJECT],
    [JSON_ANY, {}],
    [OR_ARRAY, {}],
    [OR_BOOL, {}],
    [OR_STRING_ARRAY, {}],
  ]);
}
