/** The schema of a custom resource as patches and server-side apply walk it. @module */
import type { Field, Scalar, Schema, StructSchema } from "#apimachinery";
import { objectMeta } from "./prune.ts";
import type { Structural } from "./structural.ts";

const ANY: Schema = { type: "untyped", form: "json" };
const STRING: Schema = { type: "scalar", scalar: "string" };
const SCALARS: Readonly<Record<string, Scalar>> = {
  string: "string",
  boolean: "boolean",
  integer: "int64",
  number: "double",
};

/** The whole object of `kind`. */
export function applySchemaOf(kind: string, schema: Structural): StructSchema {
  const own = structOf(schema, kind);
  const meta: readonly Field[] = [
    { name: "apiVersion", schema: STRING },
    { name: "kind", schema: STRING },
    { name: "metadata", schema: objectMeta(), pointer: false },
  ];
  const fields = new Map([...own.fields, ...meta.map((field) => [field.name, field] as const)]);
  return { ...own, fields, mapType: "granular" };
}

function schemaOf(schema: Structural, name: string): Schema {
  if (schema.isIntOrString) return { type: "scalar", scalar: "intOrString" };
  const scalar = SCALARS[schema.type];
  if (scalar !== undefined) return { type: "scalar", scalar };
  if (schema.type === "array") {
    const { listType, listMapKeys } = schema;
    return {
      type: "list",
      items: schema.items === undefined ? ANY : schemaOf(schema.items, name),
      listType,
      ...(listMapKeys.length > 0 && { listMapKeys }),
    };
  }
  if (schema.type !== "object") return ANY;
  if (schema.properties.size === 0 && schema.additional !== undefined) {
    const values = schema.additional === "any" ? ANY : schemaOf(schema.additional, name);
    return { type: "map", values, mapType: schema.mapType };
  }
  return structOf(schema, name);
}

function structOf(schema: Structural, name: string): StructSchema {
  const fields = Array.from(schema.properties, ([key, child]): readonly [string, Field] => [
    key,
    {
      name: key,
      schema: schemaOf(child, key),
      nullable: child.nullable,
      ...(child.default !== undefined && { default: child.default }),
    },
  ]);
  return {
    type: "struct",
    name,
    fields: new Map(fields),
    mapType: schema.mapType,
    // A map of anything beside declared fields keeps what it is given.
    ...((schema.preservesUnknown || schema.additional !== undefined) && { preserveUnknownFields: true }),
    ...(schema.isEmbedded && { embeddedResource: true }),
  };
}
