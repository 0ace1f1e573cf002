/**
 * From parsed JSON to a typed object: fields the schema does not know are dropped and reported, leaves are checked and
 * brought into canonical form, nulls and empty values that Go would not write are left out.
 * @module
 */
import { isJsonObject, own, put, type JsonObject, type MutableJsonObject } from "../json.ts";
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

/**
 * Throws `DecodeError` when a value does not fit its type. `known` was decoded by this schema before: fields of structs
 * that `value` shares with it are not looked at again.
 */
export function decodeTyped(value: unknown, schema: StructSchema, known?: object): Decoded {
  const walk = new Walk();
  const object = walk.struct(value, schema, known) as JsonObject;
  return { object, unknownFields: walk.unknown };
}

const NOTHING: JsonObject = {};

/** Where it stands is kept on stacks, which cost nothing; words are made of them when something is wrong. */
class Walk {
  readonly unknown: string[] = [];
  /** Field names, indices and keys of maps, as strict errors show them. */
  readonly #path: (string | number)[] = [];
  /** Field names alone, as Go's decoder shows them, and the structs they are of. */
  readonly #fields: string[] = [];
  readonly #structs: StructSchema[] = [];

  value(value: unknown, schema: Schema): unknown {
    switch (schema.type) {
      case "scalar":
        return decodeScalar(value, schema.scalar, this.#place);
      case "struct":
        return this.struct(value, schema, undefined);
      case "list":
        return this.#list(value, schema);
      case "map":
        return this.#map(value, schema);
      case "untyped":
      default:
        if ((schema.form === "rawExtension" || schema.form === "fieldsV1") && !isJsonObject(value))
          return this.#mismatch(value, "runtime.RawExtension");
        return value;
    }
  }

  struct(value: unknown, schema: StructSchema, known: unknown): unknown {
    if (!isJsonObject(value)) return this.#mismatch(value, `v1.${schema.name}`);
    const settled = isJsonObject(known) ? known : NOTHING;
    let out: MutableJsonObject | undefined;
    for (const key in value) {
      const before = value[key];
      const same = own(settled, key);
      if (before === same && typeof same === "object" && same !== null) continue;
      const after = this.#field(before, key, schema, same);
      if (after === before) continue;
      out ??= { ...value };
      if (after === undefined) delete out[key];
      else put(out, key, after);
    }
    return out ?? value;
  }

  /** undefined: the field is left out. */
  #field(value: unknown, key: string, schema: StructSchema, known: unknown): unknown {
    const field = schema.fields.get(key);
    if (field === undefined) {
      if (keepsUndeclared(schema, key)) return value;
      if (this.unknown.length < UNKNOWN_FIELDS_MAX) this.unknown.push(pathText([...this.#path, key]));
      return undefined;
    }
    if (value === null) return field.nullable === true ? null : undefined;
    this.#path.push(key);
    this.#fields.push(key);
    this.#structs.push(schema);
    const inner = field.schema;
    const decoded = inner.type === "struct" ? this.struct(value, inner, known) : this.value(value, inner);
    this.#path.pop();
    this.#fields.pop();
    this.#structs.pop();
    return isLeftOut(decoded, field) ? undefined : decoded;
  }

  #list(value: unknown, schema: ListSchema): unknown {
    if (!Array.isArray(value)) return this.#mismatch(value, goTypeName(schema));
    let out: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const before: unknown = value[i];
      const after = this.#item(before, schema.items, i);
      if (after === before) continue;
      out ??= [...value];
      out[i] = after;
    }
    return out ?? value;
  }

  #map(value: unknown, schema: MapSchema): unknown {
    if (!isJsonObject(value)) return this.#mismatch(value, goTypeName(schema));
    let out: MutableJsonObject | undefined;
    for (const key in value) {
      const before = value[key];
      const after = this.#item(before, schema.values, key);
      if (after === before) continue;
      out ??= { ...value };
      put(out, key, after);
    }
    return out ?? value;
  }

  #item(value: unknown, schema: Schema, at: string | number): unknown {
    if (value !== null || schema.type === "untyped") {
      this.#path.push(at);
      const decoded = this.value(value, schema);
      this.#path.pop();
      return decoded;
    }
    if (schema.type === "struct") return {};
    return schema.type === "scalar" ? zeroOf(schema.scalar) : null;
  }

  readonly #place: Place = (type) => {
    const struct = this.#structs.at(-1);
    if (struct === undefined) return inValue(type);
    return `Go struct field ${struct.name}.${this.#fields.join(".")} of type ${type}`;
  };

  #mismatch(value: unknown, type: string): never {
    throw new DecodeError(`json: cannot unmarshal ${goJsonType(value)} into ${this.#place(type)}`);
  }
}

/** `spec.containers[0].image`. */
function pathText(path: readonly (string | number)[]): string {
  let text = "";
  for (const element of path) {
    if (typeof element === "number") text += `[${element}]`;
    else text += text === "" ? element : `.${element}`;
  }
  return text;
}

/** Go does not write the zero value of a field that is no pointer and has `omitempty`. */
function isLeftOut(value: unknown, field: Field): boolean {
  // An empty list of managed fields is a request to forget them.
  if (field.omitEmpty !== true || field.name === "managedFields") return false;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object") return field.schema.type === "map" && isEmptyObject(value as object);
  return (
    field.pointer !== true &&
    (value === "" || value === 0 || value === false) &&
    field.schema.type === "scalar"
  );
}

function isEmptyObject(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
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
