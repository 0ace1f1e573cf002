/** The schema of a definition as OpenAPI shows it. Version 2 knows less: what it cannot say is left open. @module */
import type { JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { isSchema } from "./structural.ts";

type SchemaObject = Readonly<Record<string, unknown>>;

const OBJECT_META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const OBJECT_META_V2 = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

export function openApiSchema(props: JSONSchemaProps, dialect: "v2" | "v3"): SchemaObject {
  return dialect === "v2" ? version2(props) : version3(props);
}

function version3(props: JSONSchemaProps): SchemaObject {
  const shape = withChildren(props, version3);
  return props["x-kubernetes-embedded-resource"] === true
    ? withMeta(shape, { allOf: [{ $ref: OBJECT_META }] })
    : shape;
}

/**
 * Alternatives and nullability have no place in version 2. What takes anything shows neither type nor fields: clients
 * would hold back what they do not see. Upstream's `ToStructuralOpenAPIV2`.
 */
function version2(props: JSONSchemaProps): SchemaObject {
  const { allOf: _allOf, anyOf: _anyOf, oneOf: _oneOf, not: _not, nullable = false, ...rest } = props;
  const isOpen = props["x-kubernetes-preserve-unknown-fields"] === true;
  const { type, ...untyped } = rest;
  if (nullable || isOpen) {
    const { items: _items, properties: _properties, ...left } = untyped;
    const isPlain = !nullable && type !== undefined && type !== "object" && type !== "array";
    return withoutFlags(isPlain ? { ...left, type } : left);
  }
  const shape = withRequired(withoutFlags(withChildren(rest, version2)), props);
  return props["x-kubernetes-embedded-resource"] === true ? withMeta(shape, { $ref: OBJECT_META_V2 }) : shape;
}

/** A field that may be null counts as absent. */
function withRequired({ required: _required, ...shape }: SchemaObject, props: JSONSchemaProps): SchemaObject {
  const { required = [], properties = {}, additionalProperties } = props;
  const left = required.filter((name) => properties[name]?.nullable !== true);
  const isOptional = isSchema(additionalProperties) && additionalProperties.nullable === true;
  return left.length === 0 || isOptional ? shape : { ...shape, required: left };
}

/** A map of anything has values without a schema. */
function withoutFlags({ additionalProperties, ...shape }: SchemaObject): SchemaObject {
  if (additionalProperties === undefined || additionalProperties === false) return shape;
  return { ...shape, additionalProperties: additionalProperties === true ? {} : additionalProperties };
}

function withChildren(props: JSONSchemaProps, map: (props: JSONSchemaProps) => SchemaObject): SchemaObject {
  const { properties, items, additionalProperties } = props;
  return {
    ...props,
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, map(child)])),
    }),
    ...(isSchema(items) && { items: map(items) }),
    ...(isSchema(additionalProperties) && { additionalProperties: map(additionalProperties) }),
  };
}

function withMeta(shape: SchemaObject, metadata: SchemaObject): SchemaObject {
  const meta = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata };
  const required = new Set([
    ...((shape["required"] as readonly string[] | undefined) ?? []),
    "apiVersion",
    "kind",
  ]);
  return {
    ...shape,
    properties: { ...meta, ...(shape["properties"] as SchemaObject | undefined), metadata },
    required: [...required].toSorted(),
  };
}
