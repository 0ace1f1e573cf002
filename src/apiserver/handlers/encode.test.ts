import assert from "node:assert/strict";
import { test } from "node:test";
import { headOf, toBytes } from "../registry/object-bytes.ts";
import { CachedObject } from "../watchcache/cached-object.ts";
import { encodeList, SLICE_BYTES_MAX } from "./encode.ts";

const kind = { group: "", version: "v1", kind: "ConfigMap" };
const layout = { head: headOf(kind), selectableFields: {}, freeze: true };
const as = { format: "json", pretty: false, contentType: "application/json" } as const;

function configMap(i: number, bytes: number): CachedObject {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `c${i}` },
    data: { text: "x".repeat(bytes) },
  };
  return new CachedObject(`n/c${i}`, i + 1, toBytes(kind, object), layout);
}

for (const [count, bytes] of [
  [0, 0],
  [1, 10],
  [2, 300_000],
  [999, 1_000],
  [3, SLICE_BYTES_MAX],
] as const) {
  test(`encodeList() writes ${count} objects of ${bytes} bytes in slices, each valid until the one after the next`, () => {
    const items = Array.from({ length: count }, (_, i) => configMap(i, bytes));
    const list = { apiVersion: "v1", kind: "ConfigMapList", resourceVersion: "7", items };
    let text = "";
    for (const slice of encodeList(list, as)) {
      assert.ok(slice.length <= SLICE_BYTES_MAX + bytes + 1_000, `a slice has ${slice.length} bytes`);
      text += Buffer.from(slice as Uint8Array).toString();
    }
    assert.deepEqual(JSON.parse(text), {
      kind: "ConfigMapList",
      apiVersion: "v1",
      metadata: { resourceVersion: "7" },
      items: items.map(({ object }) => object),
    });
  });
}
