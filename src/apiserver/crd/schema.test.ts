import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { validateSchema } from "#api/apiextensions/v1/validate-schema";
import { validateStructural } from "#api/apiextensions/v1/validate-structural";
import { withDefaults } from "./defaulting.ts";
import { parseJsonPath } from "./json-path.ts";
import { validateListTypes } from "./list-types.ts";
import { openApiSchema } from "./openapi-schema.ts";
import { pruneObject } from "./prune.ts";
import { structuralOf } from "./structural.ts";
import { validateValue } from "./validate-value.ts";

const OPEN = "x-kubernetes-preserve-unknown-fields";
const string: JSONSchemaProps = { type: "string" };

function object(
  properties: Readonly<Record<string, JSONSchemaProps>>,
  more: JSONSchemaProps = {},
): JSONSchemaProps {
  return { type: "object", properties, ...more };
}

test("pruneObject() drops what no schema declares, and names it", () => {
  const schema = structuralOf(
    object({
      spec: object({
        known: string,
        open: object({ inner: object({ a: string }) }, { [OPEN]: true }),
        map: { type: "object", additionalProperties: object({ a: string }) },
        list: { type: "array", items: object({ a: string }) },
        embedded: object({ spec: object({ a: string }) }, { "x-kubernetes-embedded-resource": true }),
        anything: { type: "object", additionalProperties: true },
      }),
    }),
  );
  const spec = {
    known: "x",
    extra: 1,
    open: { other: { b: 1 }, inner: { a: "x", b: 1 } },
    map: { k: { a: "x", b: 1 } },
    list: [{ a: "x", b: 1 }],
    embedded: { apiVersion: "v1", kind: "X", metadata: { name: "n", nope: 1 }, spec: { a: "x", b: 1 } },
    anything: { k: { b: 1 }, s: "x" },
  };
  const metadata = { name: "a", nope: 1 };
  const pruned = pruneObject({ apiVersion: "v1", kind: "K", metadata, spec, top: 1 }, schema);
  assert.deepEqual(pruned.object, {
    apiVersion: "v1",
    kind: "K",
    metadata: { name: "a" },
    spec: {
      known: "x",
      open: { other: { b: 1 }, inner: { a: "x" } },
      map: { k: { a: "x" } },
      list: [{ a: "x" }],
      embedded: { apiVersion: "v1", kind: "X", metadata: { name: "n" }, spec: { a: "x" } },
      anything: { k: {}, s: "x" },
    },
  });
  assert.deepEqual(pruned.unknownFields, [
    "metadata.nope",
    "spec.anything.k.b",
    "spec.embedded.metadata.nope",
    "spec.embedded.spec.b",
    "spec.extra",
    "spec.list[0].b",
    "spec.map.k.b",
    "spec.open.inner.b",
    "top",
  ]);
  const clean = { apiVersion: "v1", kind: "K", metadata: { name: "a" } };
  assert.equal(pruneObject(clean, schema).object["metadata"], clean.metadata);
});

const DEFAULTED: readonly (readonly [
  what: string,
  schema: JSONSchemaProps,
  before: object,
  after: object,
])[] = [
  ["an absent field", object({ a: { ...string, default: "x" } }), {}, { a: "x" }],
  ["no parents of a default", object({ p: object({ a: { ...string, default: "x" } }) }), {}, {}],
  [
    "below a default",
    object({ p: object({ a: { ...string, default: "x" } }, { default: {} }) }),
    {},
    { p: { a: "x" } },
  ],
  ["a null that may not be one", object({ a: { ...string, default: "x" } }), { a: null }, { a: "x" }],
  [
    "no null that may be one",
    object({ a: { ...string, nullable: true, default: "x" } }),
    { a: null },
    { a: null },
  ],
  ["nothing for a null without default, which goes", object({ a: string }), { a: null }, {}],
  [
    "items of lists",
    object({ l: { type: "array", items: object({ a: { ...string, default: "x" } }) } }),
    { l: [{}] },
    { l: [{ a: "x" }] },
  ],
  [
    "values of maps",
    object({ m: { type: "object", additionalProperties: object({ a: { ...string, default: "x" } }) } }),
    { m: { k: {} } },
    { m: { k: { a: "x" } } },
  ],
];

test("withDefaults() fills in", async (t) => {
  for (const [what, schema, before, after] of DEFAULTED) {
    await t.test(what, () => {
      const made = withDefaults(before as Record<string, unknown>, structuralOf(schema));
      assert.deepEqual(made, after);
      assert.equal(withDefaults(made, structuralOf(schema)), made);
    });
  }
});

const VALUES: readonly (readonly [schema: JSONSchemaProps, value: unknown, messages: readonly string[]])[] = [
  [string, 1, ['p: Invalid value: "integer": p in body must be of type string: "integer"']],
  [string, null, ['p: Invalid value: "null": p in body must be of type string: "null"']],
  [{ ...string, nullable: true }, null, []],
  [{ type: "number" }, 1, []],
  [{ type: "integer" }, 1.5, ['p: Invalid value: "number": p in body must be of type integer: "number"']],
  [{ ...string, maxLength: 2 }, "abc", ["p: Too long: may not be more than 2 bytes"]],
  [
    { ...string, minLength: 4 },
    "abc",
    ['p: Invalid value: "abc": p in body should be at least 4 chars long'],
  ],
  [
    { ...string, format: "date-time" },
    "x",
    ['p: Invalid value: "x": p in body must be of type date-time: "x"'],
  ],
  [{ ...string, format: "date-time" }, "2026-01-02T03:04:05Z", []],
  [
    { ...string, format: "ipv4" },
    "10.0.0.256",
    ['p: Invalid value: "10.0.0.256": p in body must be of type ipv4: "10.0.0.256"'],
  ],
  [{ ...string, format: "unheard-of" }, "x", []],
  [
    { type: "integer", minimum: 1, exclusiveMinimum: true },
    1,
    ["p: Invalid value: 1: p in body should be greater than 1"],
  ],
  [{ type: "integer", multipleOf: 5 }, 7, ["p: Invalid value: 7: p in body should be a multiple of 5"]],
  [{ type: "array", maxItems: 1 }, [1, 2], ["p: Too many: 2: must have at most 1 item"]],
  [{ type: "array", minItems: 1 }, [], ["p: Invalid value: 0: p in body should have at least 1 items"]],
  [
    { type: "array", items: string },
    ["a", 1],
    ['p[1]: Invalid value: "integer": p[1] in body must be of type string: "integer"'],
  ],
  [object({ a: string }, { required: ["a"] }), {}, ["p.a: Required value"]],
  [object({}, { maxProperties: 1 }), { a: 1, b: 2 }, ["p: Too many: 2: must have at most 1 item"]],
  [{ enum: ["a", 1] }, "b", ['p: Unsupported value: "b": supported values: "a", "1"']],
  [{ "x-kubernetes-int-or-string": true }, "50%", []],
  [{ not: { enum: ["a"] } }, "a", ['<nil>: Invalid value: "": "p" must not validate the schema (not)']],
  [
    { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    { a: 1, b: 1 },
    [
      '<nil>: Invalid value: "": "p" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
  ],
  [
    { anyOf: [{ required: ["a"] }, { required: ["b"] }] },
    {},
    ['<nil>: Invalid value: "": "p" must validate at least one schema (anyOf)', "p.a: Required value"],
  ],
  [
    { allOf: [{ minimum: 1 }, { maximum: 3 }] },
    5,
    [
      "p: Invalid value: 5: p in body should be less than or equal to 3",
      '<nil>: Invalid value: "": "p" must validate all the schemas (allOf)',
    ],
  ],
];

test("validateValue() says what upstream says", () => {
  for (const [schema, value, messages] of VALUES) {
    const said = validateValue(value, schema, "p").map((cause) => `${cause.field}: ${cause.message}`);
    assert.deepEqual(said, messages, JSON.stringify([schema, value]));
  }
});

test("validateValue() does not refuse what was there before", () => {
  const items = object({ name: string, n: { type: "integer", maximum: 1 } });
  const list = {
    type: "array",
    items,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  };
  const schema = object({ a: { type: "integer", maximum: 1 }, list });
  const old = { a: 5, list: [{ name: "x", n: 5 }] };
  assert.deepEqual(
    validateValue(
      {
        a: 5,
        b: 1,
        list: [
          { name: "y", n: 1 },
          { name: "x", n: 5 },
        ],
      },
      schema,
      "",
      old,
    ),
    [],
  );
  assert.equal(validateValue({ a: 6, list: [{ name: "x", n: 6 }] }, schema, "", old).length, 2);
});

test("validateListTypes() finds what is there twice", () => {
  const set = { type: "array", items: string, "x-kubernetes-list-type": "set" };
  const map = {
    type: "array",
    items: object({ a: string, b: string }),
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["a", "b"],
  };
  const schema = structuralOf(object({ set, map }));
  const value = { set: ["a", "b", "a", "a"], map: [{ a: "1", b: "1" }, { b: "1", a: "1" }, { a: "1" }] };
  assert.deepEqual(
    validateListTypes(value, schema, "").map((cause) => `${cause.field}: ${cause.message}`),
    ['set[2]: Duplicate value: "a"', 'map[1]: Duplicate value: {"a":"1","b":"1"}'],
  );
});

const BROKEN: readonly (readonly [schema: JSONSchemaProps, message: string])[] = [
  [{}, "s.type: Required value: must not be empty at the root"],
  [{ type: "array", items: string }, 's.type: Invalid value: "array": must be object at the root'],
  [object({ a: { type: "array" } }), "s.properties[a].items: Required value: must be specified"],
  [
    object({}, { anyOf: [object({ a: string })] }),
    "s.anyOf[0].properties[a].type: Forbidden: must be empty to be structural",
  ],
  [
    object({}, { anyOf: [{ properties: { a: { minLength: 1 } } }] }),
    "s.properties[a]: Required value: because it is defined in s.anyOf[0].properties[a]",
  ],
  [
    object({ metadata: object({ labels: { type: "object" } }) }),
    "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
  ],
];

test("validateStructural() tells where a schema has no structure", () => {
  for (const [schema, message] of BROKEN) {
    const said = validateStructural(schema, "s").map((cause) => `${cause.field}: ${cause.message}`);
    assert.ok(said.includes(message), `${JSON.stringify(schema)}: ${said.join("; ")}`);
  }
  const intOrString = {
    anyOf: [{ type: "integer" }, { type: "string" }],
    "x-kubernetes-int-or-string": true,
  };
  assert.deepEqual(validateStructural(object({ a: intOrString }), "s"), []);
});

test("validateSchema() refuses lists that are maps of nothing", () => {
  const list = { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] };
  const said = (items: JSONSchemaProps): readonly string[] =>
    validateSchema(object({ l: { ...list, items } }), "s").map((cause) => `${cause.field}: ${cause.message}`);
  assert.deepEqual(said(object({ k: string })), [
    "s.properties[l].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
  ]);
  assert.deepEqual(said(object({ k: string }, { required: ["k"] })), []);
  assert.match(said(object({}))[0]!, /entries must all be names of item properties$/);
});

const OBJECT = {
  metadata: { name: "x", labels: { "a.b/c": "d" } },
  status: {
    conditions: [
      { type: "Ready", status: "True", n: 2 },
      { type: "Other", status: "False", n: 5 },
    ],
  },
};
const PATHS: readonly (readonly [path: string, values: readonly unknown[]])[] = [
  [".metadata.name", ["x"]],
  ["{.metadata.name}", ["x"]],
  [".metadata.labels.a\\.b/c", ["d"]],
  [".metadata.labels['a.b/c']", ["d"]],
  [".status.conditions[0].type", ["Ready"]],
  [".status.conditions[-1].type", ["Other"]],
  [".status.conditions[*].n", [2, 5]],
  ['.status.conditions[?(@.type=="Other")].status', ["False"]],
  [".status.conditions[?(@.n>2)].type", ["Other"]],
  ["..type", ["Ready", "Other"]],
  [".nothing.here", []],
];

test("parseJsonPath() finds values", () => {
  for (const [path, values] of PATHS) assert.deepEqual(parseJsonPath(path)(OBJECT), values, path);
  assert.throws(() => parseJsonPath(".a["));
});

test("openApiSchema() leaves out of version 2 what it cannot say", () => {
  const schema = object(
    {
      a: { ...string, nullable: true },
      b: { ...string, default: "x" },
      o: object({ c: string }, { [OPEN]: true }),
      l: { type: "array", items: { ...string, [OPEN]: true } },
    },
    { anyOf: [{ required: ["a"] }], required: ["a", "b"] },
  );
  assert.equal(openApiSchema(schema, "v3")["anyOf"], schema.anyOf);
  assert.deepEqual(openApiSchema(schema, "v2"), {
    type: "object",
    required: ["b"],
    properties: {
      a: {},
      b: { type: "string", default: "x" },
      o: { [OPEN]: true },
      l: { type: "array", items: { type: "string", [OPEN]: true } },
    },
  });
});
