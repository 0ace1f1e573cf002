import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { JSONSchemaProps, ValidationRule } from "#api/apiextensions/v1/types.gen";
import { structuralOf } from "../structural.ts";
import { checkRules } from "./check-rules.ts";
import { compileRules } from "./rules.ts";

const SPEC: JSONSchemaProps = {
  type: "object",
  properties: {
    replicas: { type: "integer" },
    max: { type: "integer" },
    name: { type: "string", maxLength: 6000 },
    kind: { type: "string" },
    namespace: { type: "string" },
    "a-b": { type: "string" },
    note: { type: "string", nullable: true },
    size: { "x-kubernetes-int-or-string": true },
    memory: { type: "string" },
    at: { type: "string", format: "date-time" },
    for: { type: "string", format: "duration" },
    tags: { type: "array", maxItems: 400, items: { type: "string", maxLength: 20 } },
    labels: { type: "object", maxProperties: 10, additionalProperties: { type: "string", maxLength: 20 } },
    ports: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, port: { type: "integer" } },
      },
    },
  },
};

function schemaWith(rule: Partial<ValidationRule> & { rule: string }): JSONSchemaProps {
  return {
    type: "object",
    properties: { spec: { ...SPEC, "x-kubernetes-validations": [rule] } },
  };
}

function object(spec: object): KubeObject {
  return { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" }, spec } as KubeObject;
}

function causesOf(
  rule: Partial<ValidationRule> & { rule: string },
  spec: object,
  old?: object,
): readonly string[] {
  const rules = compileRules(structuralOf(schemaWith(rule)));
  const { causes } = rules.validate(object(spec), old === undefined ? undefined : object(old));
  return causes.map((cause) => `${cause.field}: ${cause.message}`);
}

const KEPT: readonly (readonly [rule: string, spec: object])[] = [
  ["self.replicas <= self.max", { replicas: 1, max: 1 }],
  ["!has(self.name) || self.name.startsWith('a')", {}],
  [
    "has(self.ports[0].port) && !has(self.ports[1].port) && has(self.labels.a) && !has(self.labels.b)",
    { ports: [{ name: "a", port: 1 }, { name: "b" }], labels: { a: "" } },
  ],
  ["self.name.matches('^a+$')", { name: "aa" }],
  ["self.__namespace__ == 'x' && self.a__dash__b == 'y'", { namespace: "x", "a-b": "y" }],
  ["self.tags.all(t, t.size() < 3) && self.tags.isSorted()", { tags: ["a", "b"] }],
  ["self.labels.all(k, k != 'x') && self.labels['a'] == 'b' && 'a' in self.labels", { labels: { a: "b" } }],
  ["self.ports.exists_one(p, p.name == 'http' && p.port == 80)", { ports: [{ name: "http", port: 80 }] }],
  [
    "self.ports.map(p, p.port).sum() == 3",
    {
      ports: [
        { name: "a", port: 1 },
        { name: "b", port: 2 },
      ],
    },
  ],
  ["dyn(self.note) == null", { note: null }],
  [
    "self.tags.all(i, t, i < 2 && t != '') && self.labels.transformList(k, v, k + v) == ['ab']",
    { tags: ["a"], labels: { a: "b" } },
  ],
  ["!format.dns1123Label().validate(self.name).hasValue()", { name: "a-b" }],
  ["'%s-%d'.format([self.name, dyn(self.max)]) == 'a-3'", { name: "a", max: 3 }],
  ["self.tags.map(t, t + '!') == ['a!'] && self.tags.filter(t, t == 'b') == []", { tags: ["a"] }],
  ["type(self.size) == int ? self.size > 2 : self.size == '50%'", { size: 3 }],
  ["type(self.size) == int ? self.size > 2 : self.size == '50%'", { size: "50%" }],
  ["quantity(self.memory).isGreaterThan(quantity('1Mi'))", { memory: "1Gi" }],
  [
    "self.at < timestamp('2030-01-01T00:00:00Z') && self.__for__ > duration('1m')",
    { at: "2020-01-01T00:00:00Z", for: "1h" },
  ],
  ["self.?name.orValue('none') == 'none'", {}],
  ["url('https://a.example:8443/x?y=z').getHostname() == 'a.example'", {}],
  ["cidr('10.0.0.0/8').containsIP(ip('10.1.2.3')) && !isIP('x')", {}],
  ["sets.contains(self.tags, ['a']) && self.tags.size() == 2", { tags: ["a", "b"] }],
  ["semver('1.10.0').isGreaterThan(semver('1.9.3'))", {}],
];

test("compileRules() keeps what a rule allows", async (t) => {
  for (const [rule, spec] of KEPT) {
    await t.test(rule, () => {
      assert.deepEqual(checkRules(structuralOf(schemaWith({ rule })), "schema"), []);
      assert.deepEqual(causesOf({ rule }, spec), []);
    });
  }
});

test("compileRules() refuses with the message, reason and path that the rule names", () => {
  const rule = "self.replicas <= self.max";
  const spec = { replicas: 3, max: 2 };
  assert.deepEqual(causesOf({ rule }, spec), ["spec: Invalid value: failed rule: self.replicas <= self.max"]);
  assert.deepEqual(causesOf({ rule, message: "too many" }, spec), ["spec: Invalid value: too many"]);
  assert.deepEqual(causesOf({ rule, messageExpression: "'at most ' + string(self.max)" }, spec), [
    "spec: Invalid value: at most 2",
  ]);
  assert.deepEqual(
    causesOf({ rule, message: "no", reason: "FieldValueForbidden", fieldPath: ".replicas" }, spec),
    ["spec.replicas: Forbidden: no"],
  );
});

test("compileRules() compares with the old object, where there is one", () => {
  const rule = "self.replicas >= oldSelf.replicas";
  assert.deepEqual(causesOf({ rule }, { replicas: 1 }), []);
  assert.deepEqual(causesOf({ rule }, { replicas: 2 }, { replicas: 1 }), []);
  assert.equal(causesOf({ rule }, { replicas: 1 }, { replicas: 2 }).length, 1);
  const optional = { rule: "oldSelf.hasValue() || self.replicas == 1", optionalOldSelf: true };
  assert.deepEqual(causesOf(optional, { replicas: 1 }), []);
  assert.equal(causesOf(optional, { replicas: 2 }).length, 1);
  assert.deepEqual(causesOf(optional, { replicas: 2 }, { replicas: 3 }), []);
});

test("compileRules() only warns of what did not change", () => {
  const rules = compileRules(structuralOf(schemaWith({ rule: "self.replicas <= self.max" })));
  const broken = object({ replicas: 3, max: 2 });
  const { causes, warnings } = rules.validate(
    { ...broken, metadata: { name: "a", labels: { x: "y" } } },
    broken,
  );
  assert.deepEqual(causes, []);
  assert.deepEqual(warnings, ["spec: Invalid value: failed rule: self.replicas <= self.max"]);
});

test("compileRules() ends evaluations that cost too much", () => {
  const tags = Array.from({ length: 400 }, (_, i) => `t${i}`);
  const rule = "self.tags.all(a, self.tags.all(b, self.tags.all(c, a + b + c != 'x')))";
  assert.deepEqual(causesOf({ rule }, { tags }), [
    `spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`,
  ]);
  const hostile = { rule: "self.name.matches('(a+)+$')" };
  assert.equal(causesOf(hostile, { name: `${"a".repeat(5_000)}!` }).length, 1);
});

test("compileRules() tells what evaluation stumbles over", () => {
  assert.deepEqual(causesOf({ rule: "self.name == 'a'" }, {}), [
    "spec: Invalid value: \"object\": no such key: name evaluating rule: self.name == 'a'",
  ]);
});

const BROKEN: readonly (readonly [rule: string, message: RegExp])[] = [
  ["self.nope > 1", /undefined field 'nope'/],
  ["self.replicas + 'a' == 'b'", /found no matching overload for '_\+_' applied to '\(int, string\)'/],
  ["self.name.unheardOf()", /unheardOf/],
  ["unheardOf(self.name)", /unheardOf/],
  ["has(self.nope)", /undefined field 'nope'/],
  ["self.replicas", /must evaluate to a bool/],
  ["self.replicas >", /compilation failed/],
  ["self.name.matches(1)", /found no matching overload for 'matches' applied to 'string.\(int\)'/],
];

test("checkRules() refuses rules that do not compile", async (t) => {
  for (const [rule, message] of BROKEN) {
    await t.test(rule, () => {
      const causes = checkRules(structuralOf(schemaWith({ rule })), "schema");
      assert.equal(causes.length, 1, JSON.stringify(causes));
      assert.equal(causes[0]!.field, "schema.properties[spec].x-kubernetes-validations[0].rule");
      assert.match(causes[0]!.message, message);
    });
  }
});

test("compileRules() compares lists that are sets or have keys without their order", () => {
  const rule = "self.ports == oldSelf.ports && self.ports + oldSelf.ports == self.ports";
  const [a, b] = [{ name: "a", port: 1 }, { name: "b" }];
  assert.deepEqual(causesOf({ rule }, { ports: [a, b] }, { ports: [b, a] }), []);
  assert.equal(causesOf({ rule }, { ports: [a, b] }, { ports: [b, { name: "c" }] }).length, 1);
});

const UNBOUNDED: JSONSchemaProps = { type: "array", items: { type: "string" } };
const EXPRESSION = "estimated rule cost exceeds budget by factor of more than 100x";
const WHOLE =
  "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x";

const COSTS: readonly (readonly [what: string, list: JSONSchemaProps, messages: readonly string[]])[] = [
  [
    "what no bound limits",
    UNBOUNDED,
    [
      EXPRESSION,
      "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
      WHOLE,
    ],
  ],
  ["nothing that is bounded", { ...UNBOUNDED, maxItems: 10, items: { type: "string", maxLength: 10 } }, []],
  [
    "what is a little too dear",
    { ...UNBOUNDED, maxItems: 1750, items: { type: "string", maxLength: 10 } },
    ["estimated rule cost exceeds budget by factor of 3.1x"],
  ],
];

test("checkRules() estimates the worst case, and refuses", async (t) => {
  for (const [what, list, messages] of COSTS) {
    await t.test(what, () => {
      const rule = "self.all(a, self.exists(b, a == b))";
      const schema: JSONSchemaProps = {
        type: "object",
        properties: { list: { ...list, "x-kubernetes-validations": [{ rule }] } },
      };
      const found = checkRules(structuralOf(schema), "schema");
      assert.deepEqual(
        found.map(({ message }) => message.replace(/^Forbidden: | \(try.*$/g, "")),
        messages,
      );
    });
  }
});
