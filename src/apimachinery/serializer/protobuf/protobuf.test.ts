import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import protobufjs from "protobufjs";
import type { JsonObject } from "../../json.ts";
import { list, map, scalar, struct, thingSchema } from "../../schema-fixture.ts";
import {
  decodeMessage,
  decodeProtobuf,
  decodeWatchEvent,
  encodeMessage,
  encodeProtobuf,
  encodeWatchFrame,
  isProtobuf,
  protobufTypeOf,
} from "./index.ts";

const source = struct("Source", {
  path: { schema: scalar("string"), protobuf: [2, 1] },
  size: { schema: scalar("quantity"), protobuf: [2, 3] },
});
const everything = struct("Everything", {
  text: { schema: scalar("string"), protobuf: [1], omitEmpty: true },
  yes: { schema: scalar("boolean"), protobuf: [3] },
  small: { schema: scalar("int32"), protobuf: [4] },
  big: { schema: scalar("int64"), protobuf: [5] },
  ratio: { schema: scalar("double"), protobuf: [6] },
  data: { schema: map(scalar("bytes")), protobuf: [7] },
  when: { schema: scalar("time"), protobuf: [8] },
  exactly: { schema: scalar("microTime"), protobuf: [9] },
  timeout: { schema: scalar("duration"), protobuf: [10] },
  port: { schema: scalar("intOrString"), protobuf: [11] },
  numbers: { schema: list(scalar("int32")), protobuf: [12] },
  extra: { schema: map(list(scalar("string"), { wrapped: true })), protobuf: [16] },
  raw: { schema: { type: "untyped", form: "rawExtension" }, protobuf: [20] },
  path: source.fields.get("path")!,
  size: source.fields.get("size")!,
  unnumbered: { schema: scalar("string") },
});

const name = fc.stringMatching(/^[a-zäß]{1,4}$/);
const value = fc.record(
  {
    text: name,
    yes: fc.boolean(),
    small: fc.integer(),
    big: fc.maxSafeInteger(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
    data: fc.dictionary(
      name,
      fc.uint8Array({ maxLength: 5 }).map((bytes) => bytes.toBase64()),
      { minKeys: 1, maxKeys: 3 },
    ),
    when: fc.integer({ min: 1, max: 2e9 }).map((s) => `${new Date(s * 1000).toISOString().slice(0, 19)}Z`),
    exactly: fc
      .integer({ min: 1, max: 2e9 })
      .map((s) => `${new Date(s * 1000).toISOString().slice(0, 19)}.000123Z`),
    timeout: fc.constantFrom("1h30m0s", "1.5s", "0s"),
    port: fc.oneof(fc.integer(), name),
    numbers: fc.array(fc.integer(), { minLength: 1, maxLength: 3 }),
    extra: fc.dictionary(name, fc.array(name, { maxLength: 2 }), { minKeys: 1, maxKeys: 2 }),
    raw: fc.dictionary(name, name, { maxKeys: 2 }),
    path: name,
    size: fc.constantFrom("1Gi", "100m", "0"),
  },
  { requiredKeys: [] },
);

test("decodeMessage gives back what encodeMessage was given", () => {
  fc.assert(
    fc.property(value, (object) => {
      const want = JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
      assert.deepEqual(
        JSON.parse(JSON.stringify(decodeMessage(encodeMessage(want, everything), everything))),
        withoutZeros(want),
      );
    }),
    { numRuns: 300 },
  );
});

/** Fields that are no pointers are not shown when they are zero. */
function withoutZeros(object: Record<string, unknown>): JsonObject {
  const scalars = ["text", "yes", "small", "big", "ratio", "port", "path"];
  return Object.fromEntries(
    Object.entries(object).filter(
      ([key, child]) => !scalars.includes(key) || (child !== 0 && child !== false && child !== ""),
    ),
  );
}

test("encodeMessage writes what an independent implementation reads", () => {
  const root = protobufjs
    .parse(`
    syntax = "proto2";
    message Quantity { optional string string = 1; }
    message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
    message IntOrString { optional int64 type = 1; optional int32 intVal = 2; optional string strVal = 3; }
    message Items { repeated string items = 1; }
    message Source { optional string path = 1; optional Quantity size = 3; }
    message Everything {
      optional string text = 1; optional Source source = 2; optional bool yes = 3; optional int32 small = 4; optional int64 big = 5;
      optional double ratio = 6; map<string, bytes> data = 7; optional Time when = 8; optional IntOrString port = 11;
      repeated int32 numbers = 12 [packed = false]; map<string, Items> extra = 16;
    }`)
    .root.lookupType("Everything");
  const object = {
    text: "ä",
    yes: true,
    small: -1,
    big: -5_000_000_000,
    ratio: 0.5,
    data: { k: "AQI=" },
    when: "2026-01-01T00:00:00Z",
    port: "80%",
    numbers: [1, -2],
    extra: { a: ["x", "y"] },
    path: "/p",
    size: "1Gi",
  };
  const bytes = encodeMessage(object, everything);
  const plain = root.toObject(root.decode(bytes), { longs: Number, bytes: String });
  assert.deepEqual(plain, {
    text: "ä",
    source: { path: "/p", size: { string: "1Gi" } },
    yes: true,
    small: -1,
    big: -5_000_000_000,
    ratio: 0.5,
    data: { k: "AQI=" },
    when: { seconds: 1_767_225_600, nanos: 0 },
    port: { type: 1, intVal: 0, strVal: "80%" },
    numbers: [1, -2],
    extra: { a: { items: ["x", "y"] } },
  });
  const theirs = root.encode(root.fromObject({ ...plain, data: { k: new Uint8Array([1, 2]) } })).finish();
  assert.deepEqual(decodeMessage(theirs, everything), decodeMessage(bytes, everything));
});

test("encodeProtobuf wraps an object with its type", () => {
  const object = {
    apiVersion: "v1",
    kind: "Thing",
    metadata: { name: "a", labels: { x: "y" } },
    spec: { replicas: 3, containers: [{ name: "c", limits: { cpu: "1" } }] },
  };
  const bytes = encodeProtobuf(object, thingSchema);
  assert.equal(isProtobuf(bytes), true);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x6b, 0x38, 0x73, 0]);
  assert.deepEqual(protobufTypeOf(bytes), { apiVersion: "v1", kind: "Thing" });
  assert.deepEqual(
    decodeProtobuf(bytes, () => thingSchema),
    object,
  );
  assert.throws(
    () => decodeProtobuf(bytes, () => undefined),
    /no kind "Thing" is registered for version "v1"/,
  );
  assert.throws(
    () => decodeProtobuf(new TextEncoder().encode("{}"), () => thingSchema),
    /does not appear to be a protobuf message/,
  );
});

test("encodeWatchFrame puts an event into a frame", () => {
  const object = encodeProtobuf({ apiVersion: "v1", kind: "Thing", metadata: { name: "a" } }, thingSchema);
  const frame = encodeWatchFrame("ADDED", object);
  assert.equal(new DataView(frame.buffer).getUint32(0), frame.length - 4);
  const event = decodeWatchEvent(frame.subarray(4));
  assert.equal(event.type, "ADDED");
  assert.deepEqual(new Uint8Array(event.object), object);
});

test("decodeMessage refuses what is cut off, and never reads beyond the end", () => {
  const bytes = encodeMessage({ text: "abc", numbers: [1, 2, 300], size: "1Gi" }, everything);
  for (let end = 1; end < bytes.length; end++) {
    try {
      decodeMessage(bytes.subarray(0, end), everything);
    } catch (err) {
      assert.match(String(err), /ProtobufError: (?:unexpected EOF|proto: )/);
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      try {
        decodeMessage(noise, everything);
      } catch (err) {
        assert.match((err as Error).name, /ProtobufError|JsonSyntaxError/);
      }
    }),
  );
});
