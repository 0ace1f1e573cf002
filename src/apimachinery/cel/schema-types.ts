/** Types of a schema: what expressions may select, how large it can be, and how JSON becomes it. @module */
import { isJsonObject, type JsonObject } from "../json.ts";
import { markUnordered } from "./equality.ts";
import { fromBase64, fromJson, JsonMap, type Convert } from "./json-values.ts";
import type { Path } from "./cost/static.ts";
import type { Range } from "./cost/range.ts";
import { parseDurationNanos, parseTimestamp } from "./time-text.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  STRING,
  structOf,
  TIMESTAMP,
  type CelType,
} from "./types.ts";
import type { StructFields } from "./env.ts";
import { CelError, Duration, Timestamp, type CelValue } from "./values.ts";

/** Upstream's `DeclType`. */
export interface DeclType {
  readonly type: CelType;
  /** Characters, items or entries at most. */
  readonly maxElements: number;
  /** Bytes of JSON at least. */
  readonly minSize: number;
  /** Of a list its items, of a map its values. */
  readonly items?: DeclType;
  /** Of an object, by their names in expressions. */
  readonly fields?: ReadonlyMap<string, DeclType>;
  readonly convert: Convert;
}

/** What a request can hold; upstream's MaxRequestSizeBytes. */
export const REQUEST_BYTES_MAX: number = 3 * 1024 * 1024;

const TEXT_MAX = REQUEST_BYTES_MAX - 2;
const NONE = 0;

/** The type of a schema at a place; undefined when expressions cannot see it. `name` is what objects are called. */
export function declTypeOf(
  schema: JsonObject,
  name: string,
  isRoot: boolean = isEmbedded(schema),
): DeclType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) return intOrString(schema);
  const whole = isRoot ? withObjectMeta(schema) : schema;
  switch (whole["type"]) {
    case "array":
      return arrayType(whole, name);
    case "object":
      return objectType(whole, name);
    case "string":
      return stringType(whole);
    case "boolean":
      return scalar(BOOL, 4);
    case "number":
      return { ...scalar(DOUBLE, 1), convert: fromNumber };
    case "integer":
      return scalar(INT, 1);
    default:
      return undefined;
  }
}

/** The fields of a type's objects, below it too, by the names of their types. */
export function structsOf(root: DeclType): ReadonlyMap<string, StructFields> {
  const found = new Map<string, StructFields>();
  const visit = ({ type, items, fields }: DeclType): void => {
    if (items !== undefined) visit(items);
    if (fields === undefined || found.has(type.name)) return;
    found.set(type.name, { field: (name) => fields.get(name)?.type });
    for (const field of fields.values()) visit(field);
  };
  visit(root);
  return found;
}

/** The size of what a path leads to; the path's first part is the variable. */
export function sizeIn(root: DeclType, [, ...path]: Path): Range | undefined {
  let at: DeclType | undefined = root;
  for (const part of path) {
    if (at === undefined) return undefined;
    if (part === "@keys") return at.type.kind === "map" ? { min: 0, max: NONE } : undefined;
    at = part === "@items" || part === "@values" ? at.items : at.fields?.get(part);
  }
  return at === undefined ? undefined : { min: 0, max: at.maxElements };
}

const RESERVED: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** How expressions name a field; undefined when they cannot. */
export function escapeName(name: string): string | undefined {
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

function isEmbedded(schema: JsonObject): boolean {
  return schema["x-kubernetes-embedded-resource"] === true;
}

function scalar(type: CelType, minSize: number): DeclType {
  return { type, maxElements: NONE, minSize, convert: fromJson };
}

const fromNumber: Convert = (value) => (typeof value === "number" ? value : fromJson(value));

function bound(schema: JsonObject, name: string): number | undefined {
  const value = schema[name];
  return typeof value === "number" ? Math.max(0, value) : undefined;
}

function intOrString(schema: JsonObject): DeclType {
  const length = bound(schema, "maxLength");
  return {
    type: DYN,
    maxElements: length === undefined ? TEXT_MAX : length * 4,
    minSize: 1,
    convert: fromJson,
  };
}

function arrayType(schema: JsonObject, name: string): DeclType | undefined {
  const items = isJsonObject(schema["items"]) ? declTypeOf(schema["items"], `${name}.@idx`) : undefined;
  if (items === undefined) return undefined;
  const how = unorderedOf(schema);
  const convert: Convert = (value) => {
    if (!Array.isArray(value)) return fromJson(value);
    const list = value.map(items.convert);
    return how === undefined ? list : markUnordered(list, how);
  };
  return {
    type: listOf(items.type),
    maxElements: bound(schema, "maxItems") ?? Math.floor((REQUEST_BYTES_MAX - 2) / (items.minSize + 1)),
    minSize: 2,
    items,
    convert,
  };
}

/** Sets, and lists whose items have keys: their order means nothing. */
function unorderedOf(
  schema: JsonObject,
): { readonly keyOf: ((item: CelValue) => string) | undefined } | undefined {
  const type = schema["x-kubernetes-list-type"];
  if (type === "set") return { keyOf: undefined };
  if (type !== "map") return undefined;
  const keys = Array.isArray(schema["x-kubernetes-list-map-keys"])
    ? schema["x-kubernetes-list-map-keys"]
    : [];
  return {
    keyOf: (item) =>
      JSON.stringify(
        keys.map((key) => {
          const value = item instanceof JsonMap ? item.find(escapeName(String(key)) ?? "") : undefined;
          return typeof value === "bigint" ? Number(value) : value;
        }),
      ),
  };
}

function objectType(schema: JsonObject, name: string): DeclType | undefined {
  const additional = schema["additionalProperties"];
  if (isJsonObject(additional)) {
    const values = declTypeOf(additional, `${name}.@elem`);
    if (values === undefined) return undefined;
    return {
      type: mapOf(STRING, values.type),
      maxElements:
        bound(schema, "maxProperties") ?? Math.floor((REQUEST_BYTES_MAX - 2) / (values.minSize + 6)),
      minSize: 2,
      items: values,
      convert: (value) => (isJsonObject(value) ? new JsonMap(value, () => values.convert) : fromJson(value)),
    };
  }
  return structType(schema, name);
}

function structType(schema: JsonObject, name: string): DeclType {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = new Set<unknown>(Array.isArray(schema["required"]) ? schema["required"] : []);
  const fields = new Map<string, DeclType>();
  let minSize = 2;
  for (const key of Object.keys(properties)) {
    const property = properties[key] as JsonObject;
    const escaped = escapeName(key);
    const type = declTypeOf(property, `${name}.${escaped ?? key}`);
    if (type === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, type);
    if (required.has(key) && property["default"] === undefined) minSize += key.length + type.minSize + 4;
  }
  return {
    type: structOf(name),
    maxElements: NONE,
    minSize,
    fields,
    convert: structConvert(fields, properties),
  };
}

/** Fields have other names in expressions than in JSON, when those are no identifiers. */
function structConvert(fields: ReadonlyMap<string, DeclType>, properties: JsonObject): Convert {
  const renamed = Object.keys(properties).filter((key) => (escapeName(key) ?? key) !== key);
  const convertOf = (key: string): Convert | undefined => fields.get(key)?.convert;
  return (value) => {
    if (!isJsonObject(value)) return fromJson(value);
    return new JsonMap(renamed.length === 0 ? value : withNames(value, renamed), convertOf);
  };
}

function withNames(value: JsonObject, renamed: readonly string[]): JsonObject {
  const copy: Record<string, unknown> = { ...value };
  for (const key of renamed) {
    if (!Object.hasOwn(value, key)) continue;
    delete copy[key];
    const escaped = escapeName(key);
    if (escaped !== undefined) copy[escaped] = value[key];
  }
  return copy;
}

const WORD: JsonObject = { type: "string" };
const META: JsonObject = { type: "object", properties: { name: WORD, generateName: WORD } };

/** Whole objects have a kind and a name besides what their schema says. */
function withObjectMeta(schema: JsonObject): JsonObject {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  return {
    ...schema,
    type: "object",
    properties: { ...properties, kind: WORD, apiVersion: WORD, metadata: META },
  };
}

function stringType(schema: JsonObject): DeclType {
  const length = bound(schema, "maxLength");
  switch (schema["format"]) {
    case "byte":
      return { type: BYTES, maxElements: length ?? TEXT_MAX, minSize: 2, convert: textTo(fromBase64) };
    case "duration": {
      const convert = textTo((text) => new Duration(parseDurationNanos(text)));
      return { type: DURATION, maxElements: 32, minSize: 3, convert };
    }
    case "date": {
      const convert = textTo((text) => new Timestamp(parseTimestamp(`${text}T00:00:00Z`)));
      return { type: TIMESTAMP, maxElements: 12, minSize: 12, convert };
    }
    case "date-time": {
      const convert = textTo((text) => new Timestamp(parseTimestamp(text)));
      return { type: TIMESTAMP, maxElements: 32, minSize: 21, convert };
    }
    default: {
      const maxElements = length === undefined ? (enumLength(schema) ?? TEXT_MAX) : length * 4;
      return { type: STRING, maxElements, minSize: 2, convert: fromJson };
    }
  }
}

function enumLength(schema: JsonObject): number | undefined {
  const values = schema["enum"];
  if (!Array.isArray(values) || values.length === 0) return undefined;
  return Math.max(0, ...values.map((value) => (typeof value === "string" ? value.length : 0)));
}

function textTo(convert: (text: string) => CelValue): Convert {
  return (value) => {
    if (typeof value !== "string") return fromJson(value);
    try {
      return convert(value);
    } catch (cause) {
      throw new CelError(`Invalid value ${JSON.stringify(value)}`, { cause });
    }
  };
}
