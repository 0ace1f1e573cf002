/** Schemas of configuration files, in short. @module */
import type { Field, ListSchema, ScalarSchema, Schema, StructSchema } from "#apimachinery";

export const STRING: ScalarSchema = { type: "scalar", scalar: "string" };
export const BOOL: ScalarSchema = { type: "scalar", scalar: "boolean" };

export function struct(name: string, fields: Readonly<Record<string, Schema>>): StructSchema {
  const entries = Object.entries(fields).map(([key, schema]): [string, Field] => [
    key,
    { name: key, schema },
  ]);
  return { type: "struct", name, fields: new Map(entries) };
}

export function listOf(items: Schema): ListSchema {
  return { type: "list", items };
}
