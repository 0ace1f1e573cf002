/** Whether a configuration fits its type: what server-side apply demands before it merges. @module */
import { isJsonObject, jsonTypeOf } from "../json.ts";
import {
  keepsUndeclared,
  type ListSchema,
  type MapSchema,
  type Scalar,
  type Schema,
  type StructSchema,
} from "../schema.ts";
import { formatElement, itemElement } from "./shape.ts";

/** Problems with their paths (`.spec.foo: field not declared in schema`); empty when all is well. */
export function validateTyped(value: unknown, schema: Schema, path = ""): readonly string[] {
  if (value === null || value === undefined) return [];
  switch (schema.type) {
    case "scalar":
      return validateScalar(value, schema.scalar, path);
    case "list":
      return validateList(value, schema, path);
    case "struct":
    case "map":
      return validateMap(value, schema, path);
    case "untyped":
    default:
      return [];
  }
}

function validateMap(value: unknown, schema: StructSchema | MapSchema, path: string): readonly string[] {
  if (!isJsonObject(value)) return [at(path, `expected map, got ${JSON.stringify(value)}`)];
  return Object.entries(value).flatMap(([key, child]) => {
    const inner = `${path}.${key}`;
    if (schema.type === "map") return validateTyped(child, schema.values, inner);
    const field = schema.fields.get(key);
    if (field !== undefined) return validateTyped(child, field.schema, inner);
    return keepsUndeclared(schema, key) ? [] : [at(inner, "field not declared in schema")];
  });
}

function validateList(value: unknown, schema: ListSchema, path: string): readonly string[] {
  if (!Array.isArray(value)) return [at(path, `expected list, got ${JSON.stringify(value)}`)];
  const isIdentified = schema.listType === "map" || schema.listType === "set";
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const [i, item] of (value as readonly unknown[]).entries()) {
    const element = isIdentified ? itemElement(item, schema) : `i:${i}`;
    if (typeof element !== "string") return [...problems, at(path, `element ${i}: ${element.problem}`)];
    if (seen.has(element)) problems.push(at(path, `duplicate entries for key ${formatElement(element)}`));
    seen.add(element);
    problems.push(...validateTyped(item, schema.items, `${path}${formatElement(element)}`));
  }
  return problems;
}

const STRINGS: ReadonlySet<Scalar> = new Set<Scalar>(["string", "bytes", "time", "microTime", "duration"]);
const NUMBERS: ReadonlySet<Scalar> = new Set<Scalar>(["int32", "int64", "double"]);

function validateScalar(value: unknown, scalar: Scalar, path: string): readonly string[] {
  const type = jsonTypeOf(value);
  const shown = JSON.stringify(value);
  if (STRINGS.has(scalar))
    return type === "string"
      ? []
      : [at(path, `expected string, got &value.valueUnstructured{Value:${shown}}`)];
  if (scalar === "boolean") return type === "boolean" ? [] : [at(path, `expected boolean, got ${shown}`)];
  if (NUMBERS.has(scalar)) {
    return type === "number" ? [] : [at(path, `expected numeric (int or float), got ${type}`)];
  }
  return type === "string" || type === "number" ? [] : [at(path, `expected any scalar, got ${shown}`)];
}

function at(path: string, message: string): string {
  return path === "" ? message : `${path}: ${message}`;
}
