/** The types that rules see: those of a schema, and how values of JSON become them. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { Duration } from "@marcbachmann/cel-js/evaluator";
import { isJsonObject, parseDuration } from "#apimachinery";
import type { Structural } from "../structural.ts";
import { structuralOf } from "../structural.ts";
import { CelObject, celEqual } from "./equal.ts";

export interface CelType {
  /** As declarations write it: `list<string>`. */
  readonly name: string;
  readonly convert: (value: unknown) => unknown;
}

const DYN: CelType = { name: "dyn", convert: anyValue };
const INT: CelType = { name: "int", convert: wholeNumber };
const META: Structural = structuralOf({
  type: "object",
  properties: { name: { type: "string" }, generateName: { type: "string" } },
});
const WORD: Structural = structuralOf({ type: "string" });

/** Declares the types of one schema in `env`, each node once. */
export class SchemaTypes {
  readonly #env: Environment;
  readonly #known = new Map<Structural, CelType>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** `isObject`: the node is a whole object, which has a kind and metadata besides what the schema says. */
  of(schema: Structural, isObject: boolean = schema.isEmbedded): CelType {
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const made = this.#declare(schema, isObject);
    this.#known.set(schema, made);
    return made;
  }

  #declare(schema: Structural, isObject: boolean): CelType {
    const plain = this.#plain(schema, isObject);
    // A type that may be null is compared with null, which only `dyn` can be.
    return schema.nullable
      ? { name: "dyn", convert: nullable(plain.convert) }
      : { ...plain, convert: nullable(plain.convert) };
  }

  #plain(schema: Structural, isObject: boolean): CelType {
    if (schema.isIntOrString) return DYN;
    switch (schema.type) {
      case "integer":
        return INT;
      case "number":
        return { name: "double", convert: (value) => value };
      case "boolean":
        return { name: "bool", convert: (value) => value };
      case "string":
        return stringType(schema.props.format);
      case "array": {
        const items = schema.items === undefined ? DYN : this.of(schema.items);
        const convert = (value: unknown): unknown =>
          Array.isArray(value) ? value.map(items.convert) : value;
        return { name: `list<${items.name}>`, convert };
      }
      case "object":
        return this.#object(schema, isObject);
      default:
        return DYN;
    }
  }

  #object(schema: Structural, isObject: boolean): CelType {
    const { additional } = schema;
    if (schema.properties.size === 0 && !isObject) {
      if (additional === undefined || additional === "any") return DYN;
      const values = this.of(additional);
      return { name: `map<string, ${values.name}>`, convert: (value) => mapOf(value, values.convert) };
    }
    const meta = isObject
      ? ([
          ["apiVersion", WORD],
          ["kind", WORD],
          ["metadata", META],
        ] as const)
      : [];
    const properties = new Map([...schema.properties, ...meta]);
    const types = new Map(Array.from(properties, ([name, child]) => [name, this.of(child)] as const));
    const fields = Array.from(types).flatMap(([name, type]) => {
      const escaped = escapeName(name);
      return escaped === undefined ? [] : [[escaped, type.name] as const];
    });
    const name = `object${this.#known.size + 1}`;
    const made = { [name]: class extends CelObject {} }[name]!;
    this.#env
      .registerType(name, { ctor: made, fields: Object.fromEntries(fields) })
      .registerOperator(`${name} == ${name}`, celEqual);
    const convert = (value: unknown): unknown => {
      if (!isJsonObject(value)) return value;
      const own: Record<string, unknown> = {};
      for (const [key, type] of types) {
        const escaped = Object.hasOwn(value, key) ? escapeName(key) : undefined;
        if (escaped !== undefined) own[escaped] = type.convert(value[key]);
      }
      return new made(own);
    };
    return { name, convert };
  }
}

const RESERVED: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** How rules name a field; undefined when they cannot. */
export function escapeName(name: string): string | undefined {
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

function nullable(convert: CelType["convert"]): CelType["convert"] {
  return (value) => (value === null ? null : convert(value));
}

function stringType(format: string | undefined): CelType {
  switch (format?.replaceAll("-", "")) {
    case "date":
    case "datetime":
      return { name: "google.protobuf.Timestamp", convert: (value) => new Date(String(value)) };
    case "duration":
      return {
        name: "google.protobuf.Duration",
        convert: (value) => Duration.fromMilliseconds(parseDuration(String(value))),
      };
    case "byte":
      return { name: "bytes", convert: (value) => new Uint8Array(Buffer.from(String(value), "base64")) };
    case undefined:
    default:
      return { name: "string", convert: (value) => value };
  }
}

function wholeNumber(value: unknown): unknown {
  return typeof value === "number" ? BigInt(Math.trunc(value)) : value;
}

function mapOf(value: unknown, convert: CelType["convert"]): unknown {
  if (!isJsonObject(value)) return value;
  return new Map(Object.keys(value).map((key) => [key, convert(value[key])]));
}

/** A value of no known type: whole numbers are integers. */
function anyValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(anyValue);
  return mapOf(value, anyValue);
}
