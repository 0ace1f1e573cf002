import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SortedMap } from "./sorted-map.ts";

test("SortedMap agrees with a sorted list of a plain map", () => {
  const key = fc.stringMatching(/^[ab]{1,2}\/[a-e]{1,3}$/);
  const operation = fc.record({ key, isDelete: fc.boolean() });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), key, (operations, after) => {
      const map = new SortedMap<{ key: string; i: number }>();
      const model = new Map<string, { key: string; i: number }>();
      for (const [i, op] of operations.entries()) {
        if (op.isDelete) {
          map.delete(op.key);
          model.delete(op.key);
        } else {
          const value = { key: op.key, i };
          map.set(value);
          model.set(op.key, value);
        }
      }
      const sorted = [...model.values()].toSorted((x, y) => (x.key < y.key ? -1 : 1));
      assert.deepEqual([...map.range("")], sorted);
      assert.deepEqual(
        [...map.range("a/")],
        sorted.filter((v) => v.key.startsWith("a/")),
      );
      assert.deepEqual(
        [...map.range("", after)],
        sorted.filter((v) => v.key > after),
      );
    }),
  );
});

test("SortedMap keeps order over many chunks", () => {
  const map = new SortedMap<{ key: string }>();
  const keys = Array.from({ length: 3000 }, (_, i) => `k${String((i * 7919) % 3000).padStart(5, "0")}`);
  for (const key of keys) map.set({ key });
  assert.deepEqual(
    [...map.range("")].map((value) => value.key),
    keys.toSorted(),
  );
});

test("SortedMap is in the order of code points, whatever units JavaScript writes them with", () => {
  const map = new SortedMap<{ key: string }>();
  const keys = ["a/A", "a/a", "a/ä", "a/\uFF5E", "a/\u{1F600}"];
  for (const [i, key] of ["a/a", "a/\u{1F600}", "a/\uFF5E", "a/ä", "a/A"].entries()) {
    map.set({ key });
    assert.equal(map.size, i + 1);
  }
  const shown = (prefix: string, after?: string): readonly string[] =>
    Array.from(map.range(prefix, after), ({ key }) => key);
  assert.deepEqual(shown("a/"), keys);
  assert.deepEqual(shown("a/", "a/\uFF5E"), ["a/\u{1F600}"]);
  map.delete("a/\uFF5E");
  assert.deepEqual(shown("a/", "a/ä"), ["a/\u{1F600}"]);
});
