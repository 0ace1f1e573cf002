/**
 * What is known of every built-in type: fields, merge keys, protobuf numbers, constant defaults, as the `Schema` that
 * patches, apply, pruning and the codecs walk. Unpacked on first use and shared: treat as frozen.
 * @module
 */
import type {
  Field,
  GroupVersionKind,
  ListSchema,
  MapSchema,
  Scalar,
  Schema,
  StructSchema,
  UnionForm,
  UntypedSchema,
  Verb,
} from "#apimachinery";
import { allFacts } from "./all-facts.gen.ts";
import { unpackDefinition, type PackedFacts, type PackedShape, type UnpackedField } from "./packed-facts.ts";

/** A field as Go sees it, which is what zero values on the wire depend on. */
export interface FieldFacts extends Field {
  readonly required: boolean;
  /** A pointer in Go: its zero value is a value, not an absence. */
  readonly pointer: boolean;
  /** Without it Go writes the field even when it is zero. Structs that are no pointers are written in any case. */
  readonly omitEmpty: boolean;
}

export interface StructFacts extends StructSchema {
  /** Name in OpenAPI documents: `io.k8s.api.apps.v1.Deployment`. */
  readonly definition: string;
  /** The kind this is; absent for types inside of kinds and for those of every group-version (DeleteOptions). */
  readonly gvk?: GroupVersionKind;
  readonly fields: ReadonlyMap<string, FieldFacts>;
}

/** A subresource in discovery: which kind it speaks. */
export interface SubresourceFacts {
  readonly name: string;
  readonly gvk: GroupVersionKind;
  readonly verbs: readonly (Verb | "connect")[];
}

/** A resource of a group-version as the published paths show it. */
export interface ResourceFacts extends GroupVersionKind {
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly SubresourceFacts[];
}

/** Names in OpenAPI of what JSON writes as one value. */
export const scalarDefinitions: Readonly<Partial<Record<Scalar | UntypedSchema["form"], string>>> = {
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  time: "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
  microTime: "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  rawExtension: "io.k8s.apimachinery.pkg.runtime.RawExtension",
  fieldsV1: "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
};

const byFolder: ReadonlyMap<string, PackedFacts> = new Map(allFacts.map((facts) => [facts.folder, facts]));
const byGroupVersion: ReadonlyMap<string, PackedFacts> = new Map(
  allFacts
    .filter((f) => f.package.startsWith("io.k8s.api.") || f.group !== "")
    .map((f) => [`${f.group}/${f.version}`, f]),
);
const structs = new Map<string, StructFacts>();

/** The schema of a kind; undefined when it is no built-in one. Also finds lists (`PodList`). */
export function lookup(gvk: GroupVersionKind): StructFacts | undefined {
  const facts = byGroupVersion.get(`${gvk.group}/${gvk.version}`);
  return facts !== undefined && gvk.kind in facts.definitions ? struct(facts, gvk.kind) : undefined;
}

/** A definition by folder and name: `lookupType("core/v1", "PodTemplateSpec")`, `lookupType("meta/v1", "DeleteOptions")`. */
export function lookupType(folder: string, name: string): StructFacts | undefined {
  const facts = byFolder.get(folder);
  return facts !== undefined && name in facts.definitions ? struct(facts, name) : undefined;
}

/** Every definition that has fields, of one folder or of all; for OpenAPI documents. */
export function allDefinitions(folder?: string): readonly StructFacts[] {
  return allFacts
    .filter((facts) => folder === undefined || facts.folder === folder)
    .flatMap((facts) =>
      Object.keys(facts.definitions)
        .filter((name) => !/^(?:\^ )?=/.test(facts.definitions[name]!))
        .map((name) => struct(facts, name)),
    );
}

/** Folder (`apps/v1`) of a group-version; undefined when it is unknown. */
export function folderOf(group: string, version: string): string | undefined {
  return byGroupVersion.get(`${group}/${version}`)?.folder;
}

/** Group-versions that have resources. */
export function groupVersions(): readonly {
  readonly group: string;
  readonly version: string;
  readonly folder: string;
}[] {
  return allFacts.filter((f) => Object.keys(f.resources).length > 0);
}

const VERBS: Readonly<Record<string, Verb | "connect">> = {
  c: "create",
  g: "get",
  l: "list",
  w: "watch",
  u: "update",
  p: "patch",
  d: "delete",
  D: "deletecollection",
  x: "connect",
};

/** The published resources of a group-version, by plural name. */
export function resourcesOf(group: string, version: string): readonly ResourceFacts[] {
  const facts = byGroupVersion.get(`${group}/${version}`);
  return Object.entries(facts?.resources ?? {}).map(([plural, text]) => {
    const [kind, scope, verbs, ...subresources] = text.split(" ");
    return {
      group,
      version,
      kind: kind!,
      plural,
      namespaced: scope === "N",
      verbs: verbsOf(verbs!) as readonly Verb[],
      subresources: subresources.map(subresourceOf),
    };
  });
}

function subresourceOf(text: string): SubresourceFacts {
  const [, name, gvk, verbs] = /^(.*)=(.*):(.*)$/.exec(text)!;
  const parts = gvk!.split("/");
  const kind = parts.pop()!;
  const version = parts.pop()!;
  return { name: name!, gvk: { group: parts[0] ?? "", version, kind }, verbs: verbsOf(verbs!) };
}

function verbsOf(letters: string): readonly (Verb | "connect")[] {
  return letters.split("").map((letter) => VERBS[letter]!);
}

function struct(facts: PackedFacts, name: string): StructFacts {
  const ref = `${facts.folder}#${name}`;
  const known = structs.get(ref);
  if (known !== undefined) return known;
  const { kind, mapType, fields } = unpackDefinition(facts.definitions[name]!, facts.folder);
  const made: StructFacts = {
    type: "struct",
    name,
    definition: `${facts.package}.${name}`,
    ...(kind === "one" && { gvk: { group: facts.group, version: facts.version, kind: name } }),
    ...(mapType !== undefined && { mapType }),
    fields: new Map(fields.map((field) => [field.name, fieldFacts(field)])),
  };
  structs.set(ref, made);
  return made;
}

function fieldFacts(field: UnpackedField): FieldFacts {
  let schema: Schema | undefined;
  return {
    name: field.name,
    get schema(): Schema {
      schema ??= schemaOf(field.shape, field);
      return schema;
    },
    required: field.required,
    pointer: field.pointer,
    omitEmpty: field.omitEmpty,
    ...(field.default !== undefined && { default: field.default }),
    ...(field.patchStrategy !== undefined && { patchStrategy: field.patchStrategy }),
    ...(field.patchMergeKey !== undefined && { patchMergeKey: field.patchMergeKey }),
    ...(field.protobuf !== undefined && { protobuf: field.protobuf }),
  };
}

function schemaOf(shape: PackedShape, field: UnpackedField | undefined): Schema {
  switch (shape.is) {
    case "scalar":
      return { type: "scalar", scalar: shape.scalar, ...(shape.name !== undefined && { name: shape.name }) };
    case "untyped":
      return isUnion(shape.form) ? unionSchema(shape.form) : { type: "untyped", form: shape.form };
    case "list":
      return listSchema(shape.of, shape.wrapped, field);
    case "map":
      return mapSchema(shape.of, field);
    case "ref":
      break;
  }
  return refSchema(shape.ref, field);
}

function isUnion(form: UntypedSchema["form"]): form is UnionForm {
  return form in UNION_MEMBERS;
}

/** The messages of apiextensions' unions (generated.proto of its v1). */
const UNION_MEMBERS: Readonly<Record<UnionForm, (schema: Schema) => readonly [Field, Field]>> = {
  schemaOrArray: (schema) => [
    { name: "schema", schema, protobuf: [1] },
    { name: "jSONSchemas", schema: { type: "list", items: schema }, protobuf: [2] },
  ],
  schemaOrBool: (schema) => [
    { name: "allows", schema: { type: "scalar", scalar: "boolean" }, omitEmpty: false, protobuf: [1] },
    { name: "schema", schema, protobuf: [2] },
  ],
  schemaOrStrings: (schema) => [
    { name: "schema", schema, protobuf: [1] },
    {
      name: "property",
      schema: { type: "list", items: { type: "scalar", scalar: "string" } },
      protobuf: [2],
    },
  ],
};
const unions = new Map<UnionForm, StructSchema>();

function unionSchema(form: UnionForm): UntypedSchema {
  return {
    type: "untyped",
    form,
    get message(): StructSchema {
      let message = unions.get(form);
      if (message === undefined) {
        const fields = UNION_MEMBERS[form](lookupType("apiextensions/v1", "JSONSchemaProps")!);
        message = { type: "struct", name: form, fields: new Map(fields.map((field) => [field.name, field])) };
        unions.set(form, message);
      }
      return message;
    },
  };
}

function refSchema(ref: string, field: UnpackedField | undefined): StructSchema {
  const [folder, name] = ref.split("#");
  const found = lookupType(folder!, name!);
  if (found === undefined) throw new Error(`facts: no definition ${ref}`);
  // A field may make a struct atomic that is granular elsewhere.
  return field?.mapType === undefined ? found : { ...found, mapType: field.mapType };
}

function listSchema(of: PackedShape, wrapped: boolean, field: UnpackedField | undefined): ListSchema {
  return {
    type: "list",
    items: schemaOf(of, undefined),
    ...(field?.listType !== undefined && { listType: field.listType }),
    ...(field?.listMapKeys !== undefined && { listMapKeys: field.listMapKeys }),
    ...(wrapped && { wrapped }),
  };
}

function mapSchema(of: PackedShape, field: UnpackedField | undefined): MapSchema {
  return {
    type: "map",
    values: schemaOf(of, undefined),
    ...(field?.mapType !== undefined && { mapType: field.mapType }),
  };
}
