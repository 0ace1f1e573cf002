import assert from "node:assert/strict";
import { test } from "node:test";
import { list, map, scalar, struct, thingSchema } from "../schema-fixture.ts";
import { decodeTyped } from "./decode.ts";

const go = struct("GoType", {
  text: { schema: scalar("string"), omitEmpty: true },
  pointer: { schema: scalar("int32"), omitEmpty: true, pointer: true },
  items: { schema: list(scalar("string")), omitEmpty: true },
  labels: { schema: map(scalar("string")), omitEmpty: true },
  always: scalar("string"),
  nothing: { schema: scalar("string"), nullable: true },
});

test("decodeTyped drops and reports unknown fields, with indices", () => {
  const decoded = decodeTyped(
    {
      kind: "Thing",
      metadata: { name: "a", nam: "b" },
      spec: { containers: [{ name: "a" }, { name: "b", imagee: "c" }], foo: {} },
    },
    thingSchema,
  );
  assert.deepEqual(decoded.unknownFields, ["metadata.nam", "spec.containers[1].imagee", "spec.foo"]);
  assert.deepEqual(decoded.object, {
    kind: "Thing",
    metadata: { name: "a" },
    spec: { containers: [{ name: "a" }, { name: "b" }] },
  });
});

test("decodeTyped writes leaves in canonical form", () => {
  const { object } = decodeTyped(
    {
      metadata: { creationTimestamp: "2026-01-01T01:00:00.5+01:00" },
      spec: {
        containers: [{ limits: { cpu: "0.5", memory: 1024 } }],
        strategy: { rollingUpdate: { maxSurge: "25%" } },
      },
    },
    thingSchema,
  );
  assert.deepEqual(object, {
    metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      containers: [{ limits: { cpu: "500m", memory: "1024" } }],
      strategy: { rollingUpdate: { maxSurge: "25%" } },
    },
  });
});

test("decodeTyped leaves out nulls and what Go would not write", () => {
  const { object } = decodeTyped(
    { text: "", pointer: 0, items: [], labels: {}, always: "", nothing: null },
    go,
  );
  assert.deepEqual(object, { pointer: 0, always: "", nothing: null });
  assert.deepEqual(decodeTyped({ items: [null], labels: { a: null }, text: null }, go).object, {
    items: [""],
    labels: { a: "" },
  });
});

test("decodeTyped shares what needs no change", () => {
  const input = { metadata: { name: "a" }, spec: { replicas: 1, containers: [{ name: "a" }] } };
  assert.equal(decodeTyped(input, thingSchema).object, input);
});

test("decodeTyped refuses wrong types in Go's words", () => {
  const table: readonly (readonly [unknown, string])[] = [
    [[], "json: cannot unmarshal array into Go value of type v1.Thing"],
    [
      { spec: { replicas: "3" } },
      "json: cannot unmarshal string into Go struct field ThingSpec.spec.replicas of type int32",
    ],
    [
      { spec: { replicas: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field ThingSpec.spec.replicas of type int32",
    ],
    [
      { spec: { replicas: 3_000_000_000 } },
      "json: cannot unmarshal number 3000000000 into Go struct field ThingSpec.spec.replicas of type int32",
    ],
    [{ spec: "x" }, "json: cannot unmarshal string into Go struct field Thing.spec of type v1.ThingSpec"],
    [
      { spec: { containers: {} } },
      "json: cannot unmarshal object into Go struct field ThingSpec.spec.containers of type []v1.Container",
    ],
    [
      { spec: { containers: [{ name: 1 }] } },
      "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
    ],
    [
      { metadata: { labels: { a: true } } },
      "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      { metadata: { labels: [] } },
      "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ],
    [
      { metadata: { creationTimestamp: "x" } },
      'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    ],
    [{ spec: { bytes: { a: "%" } } }, "illegal base64 data at input byte 0"],
    [
      { spec: { containers: [{ limits: { cpu: "x" } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { spec: { strategy: { rollingUpdate: { maxSurge: true } } } },
      "json: cannot unmarshal bool into Go value of type int32",
    ],
  ];
  for (const [value, message] of table)
    assert.throws(() => decodeTyped(value, thingSchema), { name: "DecodeError", message });
});

test("decodeTyped keeps what a struct keeps without declaring it", () => {
  const open = struct("Open", {}, { preserveUnknownFields: true });
  const whole = struct("Whole", { spec: open }, { embeddedResource: true });
  const value = { apiVersion: "v1", kind: "X", metadata: { name: "a" }, spec: { any: [1, null] }, other: 1 };
  const { object, unknownFields } = decodeTyped(value, whole);
  const { other: _other, ...rest } = value;
  assert.deepEqual(object, rest);
  assert.deepEqual(unknownFields, ["other"]);
});
