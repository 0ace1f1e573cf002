import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import type { KubeObject } from "#apimachinery";
import { headOf, toBytes } from "../registry/object-bytes.ts";
import { CachedObject } from "./cached-object.ts";

const kind = { group: "", version: "v1", kind: "ConfigMap" };
const object = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "n", resourceVersion: "7" },
  data: { ü: "ß" },
} as KubeObject;
const layout = { head: headOf(kind), selectableFields: {}, freeze: true };

test("CachedObject splices the resourceVersion into the stored bytes", () => {
  const cached = new CachedObject("n/a", 42, toBytes(kind, object), layout);
  const expected = { ...object, metadata: { ...object.metadata, resourceVersion: "42" } };
  assert.deepEqual(JSON.parse(Buffer.from(cached.bytes).toString()), expected);
  assert.deepEqual(cached.object, expected);
  assert.equal(cached.namespace, "n");
  assert.equal(cached.name, "a");
});

test("CachedObject tells of damaged bytes without what is in them", () => {
  for (const text of ['{"data":{"p":hunter2', '{"data":{"p":"hunter2"']) {
    const damaged = new CachedObject("n/a", 1, Buffer.from(text), layout);
    assert.throws(
      () => damaged.object,
      (err) => {
        const shown = inspect(err, { depth: Infinity });
        assert.match(shown, /the stored object "n\/a" cannot be decoded/);
        assert.doesNotMatch(shown, /hunter2/);
        return true;
      },
    );
  }
});

for (const revision of [1, 9, 10, 123_456, 1_000_000_000, Number.MAX_SAFE_INTEGER]) {
  for (const head of [headOf(kind), new Uint8Array()]) {
    test(`CachedObject.writeBytes() writes revision ${revision}, ${head.length} bytes of head known, and nothing beside`, () => {
      const cached = new CachedObject("n/a", revision, toBytes(kind, object), { ...layout, head });
      const out = Buffer.alloc(cached.byteLength + 2, "#");
      cached.writeBytes(out, 1);
      assert.equal(out.toString("latin1", 0, 1), "#");
      assert.equal(out.toString("latin1", out.length - 1), "#");
      const written = JSON.parse(out.toString("utf8", 1, out.length - 1)) as KubeObject;
      assert.deepEqual(written, {
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(revision) },
      });
      assert.deepEqual(cached.object, written);
    });
  }
}

test("CachedObject.unstored() has no resourceVersion", () => {
  const cached = CachedObject.unstored("n/a", toBytes(kind, object), layout);
  assert.equal(cached.object.metadata.resourceVersion, undefined);
  assert.deepEqual(JSON.parse(Buffer.from(cached.bytes).toString()), cached.object);
});

test("CachedObject.isStoredAs() compares without the resourceVersion", () => {
  const cached = new CachedObject("n/a", 42, toBytes(kind, object), layout);
  const other = toBytes(kind, { ...object, data: { ü: "s" } } as KubeObject);
  assert.equal(cached.isStoredAs(toBytes(kind, object)), true);
  assert.equal(cached.isStoredAs(other), false);
});

test("CachedObject.at() tells the same state at another revision", () => {
  const cached = new CachedObject("n/a", 42, toBytes(kind, object), layout);
  assert.ok(cached.bytes.length > 0);
  assert.equal(cached.at(1000).object.metadata.resourceVersion, "1000");
});

test("CachedObject freezes what it shares", () => {
  const cached = new CachedObject("n/a", 42, toBytes(kind, object), layout);
  assert.throws(() => Object.assign(cached.object.metadata, { name: "b" }), TypeError);
});
