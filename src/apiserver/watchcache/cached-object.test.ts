import assert from "node:assert/strict";
import { test } from "node:test";
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

test("CachedObject.isStoredAs() compares without the resourceVersion, before and after splicing", () => {
  const cached = new CachedObject("n/a", 42, toBytes(kind, object), layout);
  const other = toBytes(kind, { ...object, data: { ü: "s" } } as KubeObject);
  for (const _ of [1, 2]) {
    assert.equal(cached.isStoredAs(toBytes(kind, object)), true);
    assert.equal(cached.isStoredAs(other), false);
    assert.ok(cached.bytes.length > 0);
  }
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
