import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { OrderedMap } from "./ordered-map.ts";

test("OrderedMap keeps byte order over any insertions and deletions", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.boolean())),
      fc.string(),
      (steps, start) => {
        const map = new OrderedMap<number>();
        const expected = new Set<string>();
        for (const [key, isDelete] of steps) {
          if (isDelete) map.delete(key);
          else map.set(key, 1);
          expected[isDelete ? "delete" : "add"](key);
        }
        const inOrder = [...expected].map((key) => Buffer.from(key)).toSorted((a, b) => Buffer.compare(a, b));
        const from = inOrder.filter((key) => Buffer.compare(key, Buffer.from(start)) >= 0);
        assert.deepEqual([...map.keys(start, undefined)], from.map(String));
      },
    ),
  );
});

test("OrderedMap splits its chunks and still walks all keys", () => {
  const map = new OrderedMap<number>();
  for (let i = 0; i < 5_000; i++) map.set(`/${(i * 7919) % 5_000}`.padStart(6, "0"), i);
  const keys = [...map.keys("", undefined)];
  assert.equal(keys.length, 5_000);
  assert.deepEqual(keys, keys.toSorted());
  for (const key of keys) map.delete(key);
  assert.deepEqual([[...map.keys("", undefined)], map.size], [[], 0]);
});
