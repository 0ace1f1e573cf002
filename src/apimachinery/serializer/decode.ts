/**
 * From parsed JSON to a typed object: fields the schema does not know are dropped and reported, leaves are checked and
 * brought into canonical form, nulls and empty values that Go would not write are left out.
 * @module
 */
import { isJsonObject, put, type JsonObject, type MutableJsonObject } from "../json.ts";
import {
  keepsUndeclared,
  type Field,
  type ListSchema,
  type MapSchema,
  type Schema,
  type StructSchema,
} from "../schema.ts";
import { decodeScalar, DecodeError, goJsonType, goTypeOf, inValue, zeroOf, type Place } from "./scalars.ts";

/** Unknown fields that are reported; the rest are dropped silently. */
export const UNKNOWN_FIELDS_MAX = 100;

export interface Decoded {
  /** Shares with the input whatever needed no change. */
  readonly object: JsonObject;
  /** Paths of fields that the schema does not know: `spec.containers[0].imagee`. */
  readonly unknownFields: readonly string[];
}

/** Throws `DecodeError` when a value does not fit its type. */
export function decodeTyped(value: unknown, schema: StructSchema): Decoded {
  const walk = new Walk();
  const object = walk.value(value, schema, { path: "", field: "", place: inValue }) as JsonObject;
  return { object, unknownFields: walk.unknown };
}

interface Position {
  /** With indices, as strict errors show it. */
  readonly path: string;
  /** Without indices, as Go's decoder shows it. */
  readonly field: string;
  readonly place: Place;
}

class Walk {
  readonly unknown: string[] = [];

  value(value: unknown, schema: Schema, at: Position): unknown {
    switch (schema.type) {
      case "scalar":
        return decodeScalar(value, schema.scalar, at.place);
      case "struct":
        return this.#struct(value, schema, at);
      case "list":
        return this.#list(value, schema, at);
      case "map":
        return this.#map(value, schema, at);
      case "untyped":
      default:
        if ((schema.form === "rawExtension" || schema.form === "fieldsV1") && !isJsonObject(value))
          return mismatch(value, at, "runtime.RawExtension");
        return value;
    }
  }

  #struct(value: unknown, schema: StructSchema, at: Position): unknown {
    if (!isJsonObject(value)) return mismatch(value, at, `v1.${schema.name}`);
    let out: MutableJsonObject | undefined;
    for (const key of Object.keys(value)) {
      const before = value[key];
      const after = this.#field(before, key, schema, at);
      if (after === before) continue;
      out ??= { ...value };
      if (after === undefined) delete out[key];
      else put(out, key, after);
    }
    return out ?? value;
  }

  /** undefined: the field is left out. */
  #field(value: unknown, key: string, schema: StructSchema, at: Position): unknown {
    const field = schema.fields.get(key);
    const path = at.path === "" ? key : `${at.path}.${key}`;
    if (field === undefined) {
      if (keepsUndeclared(schema, key)) return value;
      if (this.unknown.length < UNKNOWN_FIELDS_MAX) this.unknown.push(path);
      return undefined;
    }
    if (value === null) return field.nullable === true ? null : undefined;
    const name = at.field === "" ? key : `${at.field}.${key}`;
    const place: Place = (type) => `Go struct field ${schema.name}.${name} of type ${type}`;
    const decoded = this.value(value, field.schema, { path, field: name, place });
    return isLeftOut(decoded, field) ? undefined : decoded;
  }

  #list(value: unknown, schema: ListSchema, at: Position): unknown {
    if (!Array.isArray(value)) return mismatch(value, at, goTypeName(schema));
    let out: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const before: unknown = value[i];
      const after = this.#item(before, schema.items, { ...at, path: `${at.path}[${i}]` });
      if (after === before) continue;
      out ??= [...value];
      out[i] = after;
    }
    return out ?? value;
  }

  #map(value: unknown, schema: MapSchema, at: Position): unknown {
    if (!isJsonObject(value)) return mismatch(value, at, goTypeName(schema));
    let out: MutableJsonObject | undefined;
    for (const key of Object.keys(value)) {
      const before = value[key];
      const after = this.#item(before, schema.values, { ...at, path: `${at.path}.${key}` });
      if (after === before) continue;
      out ??= { ...value };
      put(out, key, after);
    }
    return out ?? value;
  }

  #item(value: unknown, schema: Schema, at: Position): unknown {
    if (value !== null || schema.type === "untyped") return this.value(value, schema, at);
    if (schema.type === "struct") return {};
    return schema.type === "scalar" ? zeroOf(schema.scalar) : null;
  }
}

/** Go does not write the zero value of a field that is no pointer and has `omitempty`. */
function isLeftOut(value: unknown, field: Field): boolean {
  // An empty list of managed fields is a request to forget them.
  if (field.omitEmpty !== true || field.name === "managedFields") return false;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object")
    return field.schema.type === "map" && Object.keys(value as object).length === 0;
  return (
    field.pointer !== true &&
    (value === "" || value === 0 || value === false) &&
    field.schema.type === "scalar"
  );
}

function mismatch(value: unknown, at: Position, type: string): never {
  throw new DecodeError(`json: cannot unmarshal ${goJsonType(value)} into ${at.place(type)}`);
}

function goTypeName(schema: Schema): string {
  switch (schema.type) {
    case "scalar":
      return schema.name ?? goTypeOf(schema.scalar);
    case "struct":
      return `v1.${schema.name}`;
    case "list":
      return `[]${goTypeName(schema.items)}`;
    case "map":
      return `map[string]${goTypeName(schema.values)}`;
    case "untyped":
    default:
      return "runtime.RawExtension";
  }
}
