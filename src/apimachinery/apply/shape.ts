/** How apply looks at a value: as a leaf that is owned whole, a list of identified items, or a map of fields. @module */
import { isJsonObject, own, type JsonObject } from "../json.ts";
import type { ListSchema, Schema, StructSchema } from "../schema.ts";
import { quote } from "../quote.ts";
import { sorted } from "../text.ts";

export type Shape =
  | { readonly kind: "leaf" }
  | { readonly kind: "list"; readonly schema: ListSchema }
  | { readonly kind: "map" };

const LEAF: Shape = { kind: "leaf" };
const MAP: Shape = { kind: "map" };

/** The shape that both values have, if they are there; no schema means that it is deduced from them. */
export function shapeOf(schema: Schema | undefined, a: unknown, b?: unknown): Shape {
  if (schema === undefined) {
    const isThere = (a !== undefined && a !== null) || (b !== undefined && b !== null);
    return isThere && fits(a, isJsonObject) && fits(b, isJsonObject) ? MAP : LEAF;
  }
  if (schema.type === "list") {
    const isIdentified = schema.listType === "map" || schema.listType === "set";
    return isIdentified && fits(a, Array.isArray) && fits(b, Array.isArray) ? { kind: "list", schema } : LEAF;
  }
  if ((schema.type !== "struct" && schema.type !== "map") || schema.mapType === "atomic") return LEAF;
  return fits(a, isJsonObject) && fits(b, isJsonObject) ? MAP : LEAF;
}

function fits(value: unknown, has: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || has(value);
}

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** The schema below a field; undefined when it is deduced. */
export function schemaOfField(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema?.type === "struct") return schema.fields.get(key)?.schema;
  return schema?.type === "map" ? schema.values : undefined;
}

/** Fields of a struct are not owned for being there; keys of maps are. */
export function isDeclared(schema: Schema | undefined, key: string): boolean {
  return schema?.type === "struct" && schema.fields.has(key);
}

/** Why an item of a list cannot be identified. */
export interface NoElement {
  readonly problem: string;
}

/** The path element of a list item. */
export function itemElement(item: unknown, schema: ListSchema): string | NoElement {
  return schema.listType === "map" ? keyElement(item, schema) : valueElement(item);
}

/** Path elements of all items, in order; undefined when one of them has none. */
export function itemElements(items: readonly unknown[], schema: ListSchema): readonly string[] | undefined {
  const found = items.map((item) => itemElement(item, schema));
  return found.every((element) => typeof element === "string") ? found : undefined;
}

/** `.spec`, `[name="a"]`, `[="a"]`: how people read a path element. */
export function formatElement(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return `.${rest}`;
  if (element.startsWith("i:")) return `[${rest}]`;
  if (element.startsWith("v:")) return `[=${show(JSON.parse(rest))}]`;
  const keys = Object.entries(JSON.parse(rest) as JsonObject);
  return `[${keys.map(([key, value]) => `${key}=${show(value)}`).join(",")}]`;
}

export function formatPath(path: readonly string[]): string {
  return path.map(formatElement).join("");
}

/** Fields that Go always writes, because they are structs and no pointers: their absence is an empty struct. */
export function alwaysPresent(schema: Schema | undefined): readonly string[] {
  if (schema?.type !== "struct") return [];
  let names = structFields.get(schema);
  if (names === undefined) {
    const fields = [...schema.fields.values()].filter(
      (field) => field.pointer === false && field.schema.type === "struct",
    );
    structFields.set(schema, (names = fields.map((field) => field.name)));
  }
  return names;
}

const structFields = new WeakMap<StructSchema, readonly string[]>();

function keyElement(item: unknown, schema: ListSchema): string | NoElement {
  if (item === null) return { problem: "associative list with keys may not have a null element" };
  if (!isJsonObject(item)) return { problem: "associative list with keys may not have non-map elements" };
  const keys = schema.listMapKeys ?? [];
  const identity: Record<string, unknown> = {};
  for (const key of sorted(keys)) {
    const value =
      own(item, key) ?? (schema.items.type === "struct" ? schema.items.fields.get(key)?.default : undefined);
    if (value !== undefined) identity[key] = value;
  }
  if (Object.keys(identity).length > 0) return `k:${JSON.stringify(identity)}`;
  const names = `[${keys.map(quote).join(" ")}]`;
  return {
    problem: `associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
  };
}

function valueElement(item: unknown): string | NoElement {
  if (isJsonObject(item))
    return { problem: "associative list without keys has an element that's a map type" };
  if (Array.isArray(item)) return { problem: "not supported: associative list with lists as elements" };
  if (item === null)
    return { problem: "associative list without keys has an element that's an explicit null" };
  return `v:${JSON.stringify(item)}`;
}

function show(value: unknown): string {
  return typeof value === "string" ? quote(value) : JSON.stringify(value);
}
