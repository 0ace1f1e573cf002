import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiVersionOf,
  decodeProtobuf,
  encodeProtobuf,
  type Field,
  type JsonObject,
  type Scalar,
  type Schema,
  type StructSchema,
} from "#apimachinery";
import { allDefinitions, betaKinds, builtinKinds, lookup } from "./index.ts";

/** Recursive types end here. */
const DEPTH_MAX = 9;

test("decodeProtobuf gives back what encodeProtobuf was given, for every kind and list with every field set", () => {
  for (const kind of [...builtinKinds, ...betaKinds()]) {
    for (const name of [kind.kind, `${kind.kind}List`]) {
      const schema = lookup({ ...kind, kind: name });
      if (schema === undefined) continue;
      for (const seed of [1, 2, 3]) {
        const object: JsonObject = {
          ...objectOf(schema, 0, seed),
          apiVersion: apiVersionOf(kind),
          kind: name,
        };
        const read = decodeProtobuf(encodeProtobuf(object, schema), () => schema);
        assert.deepEqual(JSON.parse(JSON.stringify(read)), object, name);
      }
    }
  }
});

test("lookup() knows the protobuf number of every field of every type, and never one number twice", () => {
  for (const { definition, fields } of allDefinitions()) {
    const numbers = new Set<string>();
    for (const { name, protobuf } of fields.values()) {
      const isType = protobuf === undefined && ["apiVersion", "kind"].includes(name);
      // The answer of /version was never protobuf.
      if (isType || definition.endsWith("pkg.version.Info")) continue;
      assert.ok(protobuf !== undefined, `${definition}.${name}`);
      assert.ok(!numbers.has(protobuf.join(".")), `${definition}.${name}`);
      numbers.add(protobuf.join("."));
    }
  }
});

function objectOf(schema: StructSchema, depth: number, seed: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of schema.fields.values()) {
    if (field.protobuf === undefined) continue;
    const value = valueOf(field.schema, field, depth, seed + Object.keys(out).length);
    if (value !== undefined) out[field.name] = value;
  }
  return out;
}

function valueOf(schema: Schema, field: Field, depth: number, seed: number): unknown {
  switch (schema.type) {
    case "struct":
      return depth > DEPTH_MAX ? undefined : objectOf(schema, depth + 1, seed);
    case "list": {
      const item = valueOf(schema.items, field, depth + 1, seed);
      return item === undefined ? undefined : Array.from({ length: 1 + (seed % 2) }, () => item);
    }
    case "map": {
      const value = valueOf(schema.values, field, depth + 1, seed);
      return value === undefined ? undefined : { "a/b": value, [`k${seed}`]: value };
    }
    case "untyped":
      return untyped(schema.form, seed);
    case "scalar":
    default:
      return SCALARS[schema.scalar][seed % SCALARS[schema.scalar].length];
  }
}

function untyped(form: string, seed: number): unknown {
  const schema = { type: "string", description: `s${seed}` };
  switch (form) {
    case "schemaOrBool":
      return [true, false, schema][seed % 3];
    case "schemaOrArray":
      return seed % 2 === 0 ? schema : [schema, schema];
    case "schemaOrStrings":
      return seed % 2 === 0 ? schema : ["a", "b"];
    case "json":
      return [1, "x", { a: [true] }][seed % 3];
    default:
      return { "f:a": {} };
  }
}

const SCALARS: Readonly<Record<Scalar, readonly unknown[]>> = {
  string: ["a", "ünï", "a longer text with spaces"],
  boolean: [true],
  int32: [1, -1, 2_147_483_647],
  int64: [300, -5_000_000_000, Number.MAX_SAFE_INTEGER],
  double: [0.5, -3, 1e100],
  bytes: ["AQI=", "/+8="],
  quantity: ["1Gi", "100m"],
  time: ["2026-01-02T03:04:05Z"],
  microTime: ["2026-01-02T03:04:05.123457Z", "2026-11-20T23:59:59.000001Z", "2026-11-20T23:59:59.999999Z"],
  duration: ["1h30m0s", "1.5s"],
  intOrString: [80, "50%", -1],
};
