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

/** Alternatives, nullability and defaults have no place in version 2; open objects show none of their fields. */
function version2(props: JSONSchemaProps): SchemaObject {
  const {
    allOf: _allOf,
    anyOf: _anyOf,
    oneOf: _oneOf,
    not: _not,
    nullable,
    default: _default,
    ...rest
  } = props;
  const isOpen = props["x-kubernetes-preserve-unknown-fields"] === true;
  if (nullable === true || props["x-kubernetes-int-or-string"] === true || isOpen) {
    const {
      type,
      items: _items,
      properties: _properties,
      additionalProperties: _more,
      required: _required,
      ...left
    } = rest;
    return isOpen && nullable !== true && type !== undefined ? { ...left, type } : left;
  }
  const shape = withoutFlags(withChildren(rest, version2));
  return props["x-kubernetes-embedded-resource"] === true ? withMeta(shape, { $ref: OBJECT_META_V2 }) : shape;
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
