/** Facts of a definition as an OpenAPI schema object, in the dialect of version 2 or of version 3. @module */
import type {
  GroupVersionKind,
  ListSchema,
  Scalar,
  ScalarSchema,
  Schema,
  StructSchema,
  UntypedSchema,
} from "#apimachinery";
import { allDefinitions, scalarDefinitions, type FieldFacts, type StructFacts } from "#api";
import { jsonFieldDefinition } from "./plain-definitions.ts";
import type { Prose } from "./prose.ts";

export type Dialect = "v2" | "v3";

/** A JSON value that is a schema object. */
export type SchemaObject = Readonly<Record<string, unknown>>;

const PREFIX: Readonly<Record<Dialect, string>> = { v2: "#/definitions/", v3: "#/components/schemas/" };

/** What a plain scalar is called; the others are references to definitions. */
const PLAIN: Readonly<Partial<Record<Scalar, SchemaObject>>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
  duration: { type: "string" },
};

/** What Go writes for a field that nobody set, where it is written at all. */
const ZERO: Readonly<Partial<Record<Scalar, unknown>>> = {
  string: "",
  boolean: false,
  int32: 0,
  int64: 0,
  double: 0,
};

export function refTo(definition: string, dialect: Dialect): SchemaObject {
  return { $ref: PREFIX[dialect] + definition };
}

/** The schema object of a definition. `gvks` are the kinds that it is. */
export function schemaObject(
  struct: StructFacts,
  dialect: Dialect,
  gvks: readonly GroupVersionKind[],
  prose?: Prose,
): SchemaObject {
  const fields = [...struct.fields.values()];
  const required = fields.filter((field) => field.required).map((field) => field.name);
  const property = (field: FieldFacts): [string, SchemaObject] => [
    field.name,
    propertyObject(struct.name, field, dialect, prose?.fields.get(field.name)),
  ];
  return {
    ...(prose !== undefined && prose.text !== "" && { description: prose.text }),
    type: "object",
    ...(required.length > 0 && { required }),
    ...(fields.length > 0 && { properties: Object.fromEntries(fields.map(property)) }),
    ...(gvks.length > 0 && { "x-kubernetes-group-version-kind": gvks.map(gvkObject) }),
    ...(struct.mapType !== undefined && { "x-kubernetes-map-type": struct.mapType }),
  };
}

/** In the order of keys in which upstream writes it. */
export function gvkObject({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, kind, version };
}

/** The definitions that a definition refers to. */
export function referencesOf(struct: StructFacts): readonly string[] {
  return [...struct.fields.values()].flatMap((field) => {
    const json = jsonFieldDefinition(struct.name, field.name);
    return json === undefined ? refsIn(field.schema) : [json];
  });
}

function refsIn(schema: Schema): readonly string[] {
  if (schema.type === "struct") return [definitionOf(schema)];
  if (schema.type === "list") return refsIn(schema.items);
  if (schema.type === "map") return refsIn(schema.values);
  const definition = leafDefinition(schema);
  return definition === undefined ? [] : [definition];
}

/** The definition of a leaf that has one of its own: quantities, times, embedded objects. */
function leafDefinition(schema: ScalarSchema | UntypedSchema): string | undefined {
  return scalarDefinitions[schema.type === "scalar" ? schema.scalar : schema.form];
}

function definitionOf(schema: StructSchema): string {
  const { definition } = schema as StructFacts;
  if (definition === undefined) throw new Error(`openapi: struct ${schema.name} has no definition name`);
  return definition;
}

function propertyObject(
  struct: string,
  field: FieldFacts,
  dialect: Dialect,
  description: string | undefined,
): SchemaObject {
  const { schema, patchMergeKey, patchStrategy } = field;
  const json = jsonFieldDefinition(struct, field.name);
  const shape = valueObject(schema, dialect, json);
  return {
    ...shape,
    ...(dialect === "v3" && defaultOf(field)),
    ...(description !== undefined && { description }),
    ...(schema.type === "list" && listExtensions(schema)),
    ...mapTypeOf(schema),
    ...(patchMergeKey !== undefined && { "x-kubernetes-patch-merge-key": patchMergeKey }),
    ...(patchStrategy !== undefined && { "x-kubernetes-patch-strategy": patchStrategy.join(",") }),
  };
}

/** A value where it stands: scalars in place, everything with a name as a reference. */
function valueObject(schema: Schema, dialect: Dialect, json: string | undefined): SchemaObject {
  if (schema.type === "struct") return reference(definitionOf(schema), dialect);
  if (schema.type === "list") return { type: "array", items: itemObject(schema.items, dialect, json) };
  if (schema.type === "map") {
    return { type: "object", additionalProperties: itemObject(schema.values, dialect, json) };
  }
  const definition = leafDefinition(schema) ?? json;
  if (definition !== undefined) return reference(definition, dialect);
  return schema.type === "scalar" ? PLAIN[schema.scalar]! : {};
}

/** Version 3 lets nothing stand beside a `$ref`, so that a default or a description needs `allOf`. */
function reference(definition: string, dialect: Dialect): SchemaObject {
  const ref = refTo(definition, dialect);
  return dialect === "v2" ? ref : { allOf: [ref] };
}

/** Items and values are never absent, so that in version 3 each has the zero value of its type as default. */
function itemObject(schema: Schema, dialect: Dialect, json: string | undefined): SchemaObject {
  const shape = valueObject(schema, dialect, json);
  const zero = dialect === "v2" ? undefined : zeroOf(schema, true);
  if (zero !== undefined) return { ...shape, default: zero };
  const { allOf } = shape as { readonly allOf?: readonly [SchemaObject] };
  return allOf === undefined ? shape : allOf[0];
}

function defaultOf(field: FieldFacts): SchemaObject {
  if (field.default !== undefined) return { default: field.default };
  const zero = field.pointer ? undefined : zeroOf(field.schema, !field.omitEmpty);
  return zero === undefined ? {} : { default: zero };
}

/** Structs are written empty also when nobody set them; scalars only where they may not be left out. */
function zeroOf(schema: Schema, isWritten: boolean): unknown {
  if (schema.type === "struct") return {};
  if (schema.type === "list" || schema.type === "map") return undefined;
  if (leafDefinition(schema) !== undefined) return {};
  return schema.type === "scalar" && isWritten ? ZERO[schema.scalar] : undefined;
}

function listExtensions({ listType, listMapKeys }: ListSchema): SchemaObject {
  return {
    ...(listMapKeys !== undefined && { "x-kubernetes-list-map-keys": listMapKeys }),
    ...(listType !== undefined && { "x-kubernetes-list-type": listType }),
  };
}

function mapTypeOf(schema: Schema): SchemaObject {
  if (schema.type !== "map" && schema.type !== "struct") return {};
  // A struct says it in its own definition, unless the field makes it something else.
  const own = schema.type === "struct" ? definitionMapTypes().get(definitionOf(schema)) : undefined;
  return schema.mapType === undefined || schema.mapType === own
    ? {}
    : { "x-kubernetes-map-type": schema.mapType };
}

let mapTypes: ReadonlyMap<string, "granular" | "atomic" | undefined> | undefined;

function definitionMapTypes(): ReadonlyMap<string, "granular" | "atomic" | undefined> {
  mapTypes ??= new Map(allDefinitions().map((struct) => [struct.definition, struct.mapType]));
  return mapTypes;
}
