/** Joins the published OpenAPI document with the Go sources: one record per definition, ready to be printed. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readGoPackage, type GoField, type GoPackage } from "./go-types.ts";

export interface SwaggerSchema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly items?: SwaggerSchema;
  readonly additionalProperties?: SwaggerSchema;
  readonly properties?: Readonly<Record<string, SwaggerSchema>>;
  readonly required?: readonly string[];
  readonly "x-kubernetes-group-version-kind"?: readonly Gvk[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
}

export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface SwaggerOperation {
  readonly "x-kubernetes-action"?: string;
  readonly "x-kubernetes-group-version-kind"?: Gvk;
}

export interface Swagger {
  readonly definitions: Readonly<Record<string, SwaggerSchema>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation | readonly unknown[]>>>>;
}

/** A shape: a scalar's code, the name of a definition, a list or a map. */
export type Shape =
  | { readonly is: "scalar"; readonly code: string; readonly goName?: string }
  | { readonly is: "ref"; readonly pkg: string; readonly name: string }
  | { readonly is: "list"; readonly of: Shape; readonly wrapped: boolean }
  | { readonly is: "map"; readonly of: Shape };

export interface FieldRecord {
  readonly name: string;
  readonly shape: Shape;
  readonly required: boolean;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly protobuf: readonly number[] | undefined;
  readonly default: string | undefined;
  readonly listType: string | undefined;
  readonly listMapKeys: readonly string[] | undefined;
  readonly mapType: string | undefined;
  readonly patchStrategy: string | undefined;
  readonly patchMergeKey: string | undefined;
}

export interface DefinitionRecord {
  readonly name: string;
  readonly gvks: readonly Gvk[];
  readonly mapType: string | undefined;
  /** undefined: a definition without fields of its own (a scalar). */
  readonly scalar: Shape | undefined;
  readonly fields: readonly FieldRecord[];
}

export interface PackageRecord {
  /** `io.k8s.api.apps.v1`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  /** Folder under src/api: `apps/v1`. */
  readonly folder: string;
  readonly definitions: readonly DefinitionRecord[];
}

/** Definitions that are one value in JSON, whatever Go and protobuf make of them. */
const SCALAR_DEFINITIONS: Readonly<Record<string, string>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "T",
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "F",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "j",
  "io.k8s.apimachinery.pkg.runtime.RawExtension": "r",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "I",
};
/** Values of one type or another, which are messages in protobuf. */
const UNIONS: Readonly<Record<string, string>> = {
  JSONSchemaPropsOrArray: "A",
  JSONSchemaPropsOrBool: "B",
  JSONSchemaPropsOrStringArray: "S",
};
const APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

function scalarDefinition(definition: string, schema: SwaggerSchema | undefined): string | undefined {
  const known = SCALAR_DEFINITIONS[definition];
  if (known !== undefined) return known;
  const freeForm = definition.startsWith(APIEXTENSIONS) && schema !== undefined && schema.type === undefined;
  return freeForm ? (UNIONS[definition.slice(APIEXTENSIONS.length)] ?? "j") : undefined;
}

const splitDefinition = (definition: string): readonly [pkg: string, name: string] => {
  const dot = definition.lastIndexOf(".");
  return [definition.slice(0, dot), definition.slice(dot + 1)];
};

/** Where the Go source of a package lies below the folder that holds `api/`, `apimachinery/`, ... */
function sourceDir(pkg: string): string {
  return pkg.replace(/^io\.k8s\./, "").replaceAll(".", "/");
}

/** Groups are found from the kinds of a package; packages without kinds (meta) by their folder. */
export function packagesOf(swagger: Swagger, sources: string): readonly PackageRecord[] {
  const byPackage = new Map<string, string[]>();
  for (const definition of Object.keys(swagger.definitions)) {
    const [pkg, name] = splitDefinition(definition);
    if (/pkg\.(api\.resource|runtime|util\.intstr)$/.test(pkg)) continue;
    byPackage.set(pkg, [...(byPackage.get(pkg) ?? []), name]);
  }
  return [...byPackage].map(([pkg, names]) => packageRecord(swagger, sources, pkg, names)).toSorted(byFolder);
}

const byFolder = (a: PackageRecord, b: PackageRecord): number => (a.folder < b.folder ? -1 : 1);

function packageRecord(
  swagger: Swagger,
  sources: string,
  pkg: string,
  names: readonly string[],
): PackageRecord {
  const dir = join(sources, sourceDir(pkg));
  if (!existsSync(dir)) throw new Error(`no Go source for ${pkg}: ${dir}`);
  const go = withSiblings(readGoPackage(dir), join(dir, "..", "v1"));
  const version = pkg.slice(pkg.lastIndexOf(".") + 1);
  const kinds = names.flatMap((n) => gvksOf(swagger.definitions[`${pkg}.${n}`]!));
  const group = isShared(pkg) ? "" : (kinds[0]?.group ?? "");
  const folderGroup = pkg.endsWith("meta.v1") ? "meta" : group === "" ? "core" : group.split(".")[0]!;
  const folder = pkg.endsWith("pkg.version") ? "version" : `${folderGroup}/${version}`;
  const definitions = names.toSorted().map((name) => definitionRecord(swagger, go, pkg, name));
  return { name: pkg, group, version: pkg.endsWith("pkg.version") ? "" : version, folder, definitions };
}

/** Packages of every group. */
function isShared(pkg: string): boolean {
  return pkg.endsWith("meta.v1") || pkg.endsWith("pkg.version");
}

function gvksOf(schema: SwaggerSchema): readonly Gvk[] {
  return schema["x-kubernetes-group-version-kind"] ?? [];
}

function definitionRecord(swagger: Swagger, go: GoPackage, pkg: string, name: string): DefinitionRecord {
  const definition = `${pkg}.${name}`;
  const schema = swagger.definitions[definition]!;
  const code = scalarDefinition(definition, schema);
  const goFields = flatten(go, name);
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(([field, property]) =>
    fieldRecord(swagger, go, field, property, goFields.get(field), required.has(field)),
  );
  const order = [...goFields.keys()];
  return {
    name,
    gvks: gvksOf(schema),
    mapType: schema["x-kubernetes-map-type"],
    scalar: code === undefined ? undefined : { is: "scalar", code },
    fields: fields.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
  };
}

interface FlatField {
  readonly field: GoField;
  readonly protobuf: readonly number[] | undefined;
}

/** Older versions of a group declare types as those of its v1 (`type Rule = v1.Rule`). */
function withSiblings(go: GoPackage, v1Dir: string): GoPackage {
  const foreign = [...go.aliases].filter(([, type]) => type.includes(".v1.") || /^(\w*v1)\.\w+$/.test(type));
  if (foreign.length === 0 || !existsSync(v1Dir)) return go;
  const v1 = readGoPackage(v1Dir);
  const structs = new Map(go.structs);
  for (const [name, type] of foreign) {
    const fields = v1.structs.get(type.slice(type.lastIndexOf(".") + 1));
    if (fields !== undefined) structs.set(name, fields);
  }
  return {
    structs: new Map([...v1.structs, ...structs]),
    aliases: new Map([...v1.aliases, ...go.aliases]),
    messages: new Set([...v1.messages, ...go.messages]),
    constants: go.constants,
  };
}

/** Fields by JSON name; those of inlined structs with the path of protobuf numbers that leads to them. */
function flatten(go: GoPackage, name: string): Map<string, FlatField> {
  const out = new Map<string, FlatField>();
  for (const field of go.structs.get(name) ?? []) {
    if (field.json !== "") {
      out.set(field.json, { field, protobuf: field.protobuf === undefined ? undefined : [field.protobuf] });
      continue;
    }
    if (field.type === "metav1.TypeMeta" || field.type === "TypeMeta") {
      for (const typeField of ["kind", "apiVersion"])
        out.set(typeField, { field: TYPE_META, protobuf: undefined });
      continue;
    }
    for (const [inner, flat] of flatten(go, field.type)) {
      const path =
        field.protobuf !== undefined && flat.protobuf ? [field.protobuf, ...flat.protobuf] : undefined;
      out.set(inner, { field: flat.field, protobuf: path });
    }
  }
  return out;
}

const TYPE_META: GoField = {
  json: "kind",
  type: "string",
  pointer: false,
  omitEmpty: true,
  protobuf: undefined,
  default: undefined,
};

function fieldRecord(
  swagger: Swagger,
  go: GoPackage,
  name: string,
  schema: SwaggerSchema,
  flat: FlatField | undefined,
  required: boolean,
): FieldRecord {
  return {
    name,
    shape: shapeOf(swagger, go, schema, flat?.field.type ?? ""),
    required,
    pointer: flat?.field.pointer ?? false,
    omitEmpty: flat?.field.omitEmpty ?? true,
    protobuf: flat?.protobuf,
    default: defaultOf(go, flat?.field.default),
    listType: schema["x-kubernetes-list-type"],
    listMapKeys: schema["x-kubernetes-list-map-keys"],
    mapType: schema["x-kubernetes-map-type"],
    patchStrategy: schema["x-kubernetes-patch-strategy"],
    patchMergeKey: schema["x-kubernetes-patch-merge-key"],
  };
}

function defaultOf(go: GoPackage, marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  const ref = /^ref\((?:.*\.)?(\w+)\)$/.exec(marker)?.[1];
  const text = ref === undefined ? marker : go.constants.get(ref);
  if (text === undefined) throw new Error(`+default names an unknown constant: ${marker}`);
  return JSON.stringify(JSON.parse(text));
}

function shapeOf(swagger: Swagger, go: GoPackage, schema: SwaggerSchema, goType: string): Shape {
  const bare = goType.replace(/^\*/, "");
  if (schema.$ref !== undefined) {
    const definition = schema.$ref.replace("#/definitions/", "");
    const code = scalarDefinition(definition, swagger.definitions[definition]);
    if (code !== undefined) return { is: "scalar", code };
    const [pkg, name] = splitDefinition(definition);
    return { is: "ref", pkg, name };
  }
  if (schema.type === "array") {
    const wrapped = go.messages.has(bare);
    const inner = (go.aliases.get(bare) ?? bare).replace(/^\[\]/, "");
    return { is: "list", of: shapeOf(swagger, go, schema.items ?? {}, inner), wrapped };
  }
  if (schema.type === "object" && schema.additionalProperties !== undefined) {
    const inner = (go.aliases.get(bare) ?? bare).replace(/^map\[[^\]]*\]/, "");
    return { is: "map", of: shapeOf(swagger, go, schema.additionalProperties, inner) };
  }
  return scalarShape(go, schema, bare);
}

function scalarShape(go: GoPackage, schema: SwaggerSchema, goType: string): Shape {
  if (goType.endsWith("Duration") && schema.type === "string") return { is: "scalar", code: "D" };
  const code = scalarCode(schema);
  const named = go.aliases.has(goType) || goType.includes(".");
  const goName = goType.slice(goType.lastIndexOf(".") + 1);
  return named && code === "s" ? { is: "scalar", code, goName } : { is: "scalar", code };
}

function scalarCode(schema: SwaggerSchema): string {
  if (schema.type === "string") return schema.format === "byte" ? "x" : "s";
  if (schema.type === "boolean") return "b";
  if (schema.type === "integer") return schema.format === "int32" ? "i" : "l";
  if (schema.type === "number") return "d";
  if (schema.type === "object" || schema.type === undefined) return "j";
  throw new Error(`unknown type: ${JSON.stringify(schema)}`);
}
