/** Objects of every kind for property tests: whatever its facts allow, in bounded sizes, the same for the same seed. @module */
import fc from "fast-check";
import {
  apiVersionOf,
  type Field,
  type Kind,
  type KubeObject,
  type Scalar,
  type Schema,
} from "#apimachinery";
import { lookup, type StructFacts } from "#api";

/** Deeper structs and lists are left out: types contain themselves. */
const DEPTH_MAX = 7;
const ITEMS_MAX = 2;
const TEXT_MAX = 12;
/** Fields of an object that are there at once; one less each level down. */
const FIELDS_MAX = 6;

type Fields = Readonly<Record<string, unknown>>;

/** Undefined: nothing is known of the kind's fields. */
export function objectsOf(kind: Kind): fc.Arbitrary<KubeObject> | undefined {
  const facts = lookup(kind);
  if (facts === undefined) return undefined;
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  return struct(facts, 0).map((fields) => ({ metadata: {}, ...fields, ...type }) as unknown as KubeObject);
}

function struct(facts: StructFacts, depth: number): fc.Arbitrary<Fields> {
  const fields = [...facts.fields.values()].filter((field) => field.protobuf !== undefined);
  if (fields.length === 0) return fc.constant({});
  // The values are only made for the fields that are chosen: some types have a hundred.
  const bounds = { minLength: 1, maxLength: Math.min(Math.max(1, FIELDS_MAX - depth), fields.length) };
  return fc.subarray(fields, bounds).chain((chosen) => {
    const values = chosen.flatMap((field) => {
      const value = valueOf(field.schema, field, depth + 1);
      return value === undefined ? [] : [[field.name, value] as const];
    });
    return fc.record(Object.fromEntries(values));
  });
}

function valueOf(schema: Schema, field: Field, depth: number): fc.Arbitrary<unknown> | undefined {
  if (depth > DEPTH_MAX && schema.type !== "scalar") return undefined;
  switch (schema.type) {
    case "struct":
      return struct(schema as StructFacts, depth);
    case "list": {
      const item = valueOf(schema.items, ITEM, depth + 1);
      // An empty list is none on the wire.
      return item === undefined ? undefined : fc.array(item, { minLength: 1, maxLength: ITEMS_MAX });
    }
    case "map": {
      const value = valueOf(schema.values, ITEM, depth + 1);
      return value === undefined ? undefined : mapOf(value);
    }
    case "untyped":
      return untyped(schema.form);
    case "scalar":
    default:
      return field.pointer === true ? SCALARS[schema.scalar] : SCALARS[schema.scalar].filter(isNotZero);
  }
}

const ITEM: Field = { name: "", schema: { type: "untyped", form: "json" }, pointer: true };

/** What Go leaves out of a field that is no pointer. */
function isNotZero(value: unknown): boolean {
  return value !== "" && value !== 0 && value !== false && value !== "0" && value !== "0s";
}

function mapOf(values: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> {
  const keys = fc.oneof(
    fc.constantFrom("a", "example.com/b", "yes", "1e3"),
    fc.string({ maxLength: TEXT_MAX }),
  );
  return fc
    .array(
      fc.tuple(
        keys.filter((key) => key !== "__proto__"),
        values,
      ),
      { minLength: 1, maxLength: ITEMS_MAX },
    )
    .map((entries) => Object.fromEntries(entries));
}

const text = fc.oneof(
  fc.string({ maxLength: TEXT_MAX }),
  fc.string({ unit: "grapheme", maxLength: TEXT_MAX }),
  // What YAML takes for something else.
  fc.constantFrom(
    "yes",
    "null",
    "~",
    "1e3",
    "0o17",
    "0x1f",
    "2026-01-02",
    "- a",
    "a: b",
    "#c",
    "a\n b\n",
    " ",
  ),
);
const instant = fc.date({
  min: new Date("1970-01-02T00:00:00Z"),
  max: new Date("9999-12-31T00:00:00Z"),
  noInvalidDate: true,
});
const wholeSeconds = instant.map((date) => `${date.toISOString().slice(0, 19)}Z`);

const SCALARS: Readonly<Record<Scalar, fc.Arbitrary<unknown>>> = {
  string: text,
  boolean: fc.boolean(),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  bytes: fc.uint8Array({ maxLength: TEXT_MAX }).map((bytes) => Buffer.from(bytes).toString("base64")),
  quantity: fc
    .tuple(fc.integer({ min: -999, max: 999 }), fc.constantFrom("", "m", "k", "M", "Ki", "Gi"))
    .map(([number, suffix]) => (number === 0 ? "0" : `${number}${suffix}`)),
  time: wholeSeconds,
  microTime: fc
    .tuple(wholeSeconds, fc.integer({ min: 1, max: 999_999 }))
    .map(([seconds, micros]) => `${seconds.slice(0, -1)}.${String(micros).padStart(6, "0")}Z`),
  duration: fc.integer({ min: 1, max: 59 }).map((seconds) => `${seconds}s`),
  intOrString: fc.oneof(fc.integer(), fc.constantFrom("50%", "http")),
};

function untyped(form: string): fc.Arbitrary<unknown> {
  const schema = fc.record({
    type: fc.constantFrom("string", "object"),
    description: text.filter(isNotZero),
  });
  switch (form) {
    case "schemaOrBool":
      return fc.oneof(fc.boolean(), schema);
    case "schemaOrArray":
      return fc.oneof(schema, fc.array(schema, { minLength: 1, maxLength: ITEMS_MAX }));
    case "schemaOrStrings":
      return fc.oneof(schema, fc.array(text, { minLength: 1, maxLength: ITEMS_MAX }));
    case "json":
      return fc.oneof(fc.integer(), text, fc.record({ a: fc.array(fc.boolean()) }));
    default:
      return fc.constant({ "f:a": {} });
  }
}
