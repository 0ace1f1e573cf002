/**
 * What patches, apply, pruning and the codecs know of a type: the shape they walk values along.
 * The generated facts (`#api`) and the structural schemas of CustomResourceDefinitions both satisfy it.
 * @module
 */

/** Kinds of leaf. All but the numbers and the booleans are strings in JSON; `intOrString` is a string or an integer. */
export type Scalar =
  | "string"
  | "boolean"
  | "int32"
  | "int64"
  | "double"
  /** Base64 in JSON. */
  | "bytes"
  | "quantity"
  | "time"
  | "microTime"
  /** Go's notation (`1h30m`). */
  | "duration"
  | "intOrString";

export interface ScalarSchema {
  readonly type: "scalar";
  readonly scalar: Scalar;
  /** Name of the Go type in messages when it is not the scalar's own (`Protocol`). */
  readonly name?: string;
}

/** A value whose inside is not described here: it is kept as it is, and apply owns it as a whole. */
export interface UntypedSchema {
  readonly type: "untyped";
  /**
   * "json": any JSON value (schemas, CEL parameters); "rawExtension": an embedded object; "fieldsV1": a field set.
   * It decides the protobuf shape only.
   */
  readonly form: "json" | "rawExtension" | "fieldsV1" | UnionForm;
  /** Of a union: the message that protobuf makes of it. May be a getter: types are recursive. */
  readonly message?: StructSchema;
}

/**
 * A value of one type or another, which protobuf writes as a message with a field for each: a JSON schema (`schema`),
 * or else many (`jSONSchemas`), a boolean (`allows`), strings (`property`).
 */
export type UnionForm = "schemaOrArray" | "schemaOrBool" | "schemaOrStrings";

export type ListType = "map" | "set" | "atomic";

export interface ListSchema {
  readonly type: "list";
  readonly items: Schema;
  /** Absent: atomic, as upstream. */
  readonly listType?: ListType;
  /** Fields that identify an item of a `map` list, in declared order. */
  readonly listMapKeys?: readonly string[];
  /** The list is a protobuf message of its own with the items as field 1 (`Verbs`, `ExtraValue`). */
  readonly wrapped?: boolean;
}

/** String keys, one kind of value. */
export interface MapSchema {
  readonly type: "map";
  readonly values: Schema;
  readonly mapType?: "granular" | "atomic";
}

export interface StructSchema {
  readonly type: "struct";
  /** Upstream's name of the type, for messages: `DeploymentSpec`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** "atomic": apply owns the struct as a whole. */
  readonly mapType?: "granular" | "atomic";
  /** Fields that are not in `fields` are kept (`x-kubernetes-preserve-unknown-fields`). */
  readonly preserveUnknownFields?: boolean;
  /** A whole object stands here: `apiVersion`, `kind` and `metadata` are known fields (`x-kubernetes-embedded-resource`). */
  readonly embeddedResource?: boolean;
}

export type Schema = ScalarSchema | UntypedSchema | ListSchema | MapSchema | StructSchema;

/** Strategic merge's directives for a field; absent means the default of its type (structs merge, lists are replaced). */
export type PatchStrategy = "merge" | "replace" | "retainKeys";

export interface Field {
  readonly name: string;
  /** May be a getter: types are recursive. */
  readonly schema: Schema;
  readonly required?: boolean;
  /** In Go a pointer: its zero value is a value, not an absence. */
  readonly pointer?: boolean;
  /** Go leaves the field out when it is empty (and no pointer). */
  readonly omitEmpty?: boolean;
  /** null is a value of its own and kept (CustomResourceDefinitions). */
  readonly nullable?: boolean;
  /** Constant default, a JSON value. Apply uses it for absent keys of `map` lists. */
  readonly default?: unknown;
  readonly patchStrategy?: readonly PatchStrategy[];
  readonly patchMergeKey?: string;
  /**
   * Protobuf field numbers from the enclosing message to the value. More than one where JSON inlines what protobuf
   * nests (`Volume.emptyDir` is [2, 2]). Absent: the field has no protobuf form.
   */
  readonly protobuf?: readonly number[];
}

/** Fields that a struct keeps without declaring them: all of them, or those of a whole object. */
export function keepsUndeclared(schema: StructSchema, key: string): boolean {
  if (schema.preserveUnknownFields === true) return true;
  return schema.embeddedResource === true && (key === "apiVersion" || key === "kind" || key === "metadata");
}

/** The schema under `key` of a struct or map; undefined when there is none. */
export function childSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined;
  if (schema.type === "struct") return schema.fields.get(key)?.schema;
  return schema.type === "map" ? schema.values : undefined;
}

/** The field `key` of a struct; undefined for anything else. */
export function fieldOf(schema: Schema | undefined, key: string): Field | undefined {
  return schema?.type === "struct" ? schema.fields.get(key) : undefined;
}
