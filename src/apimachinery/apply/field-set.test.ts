import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as sets from "./field-set.ts";

const element = fc.constantFrom("f:a", "f:b", 'k:{"name":"x"}', 'v:"y"');
const path = fc.array(element, { minLength: 1, maxLength: 3 });
const paths = fc.array(path, { maxLength: 8 });

function texts(set: sets.FieldSet): ReadonlySet<string> {
  return new Set(sets.pathsOf(set).map((p) => p.join("|")));
}

test("set operations agree with those on sets of paths", () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [sets.setOf(...left), sets.setOf(...right)];
      const [x, y] = [texts(a), texts(b)];
      assert.deepEqual(x, new Set(left.map((p) => p.join("|"))));
      assert.deepEqual(texts(sets.union(a, b)), x.union(y));
      assert.deepEqual(texts(sets.intersection(a, b)), x.intersection(y));
      assert.deepEqual(texts(sets.difference(a, b)), x.difference(y));
      const below = [...x].filter((p) => ![...y].some((q) => p === q || p.startsWith(`${q}|`)));
      assert.deepEqual(texts(sets.recursiveDifference(a, b)), new Set(below));
      for (const p of [...left, ...right]) assert.equal(sets.hasPath(a, p), x.has(p.join("|")));
      assert.deepEqual(sets.sortSet(a), a);
      assert.equal(sets.isEmptySet(a), x.size === 0);
    }),
  );
});

test("setOf writes FieldsV1 and sortSet orders it as upstream", () => {
  const set = sets.setOf(["f:spec", 'k:{"name":"b"}'], ["f:spec", "f:x"], ["f:spec"], ["f:a", "f:b"]);
  assert.equal(
    JSON.stringify(sets.sortSet(set)),
    '{"f:a":{"f:b":{}},"f:spec":{".":{},"f:x":{},"k:{\\"name\\":\\"b\\"}":{}}}',
  );
});

test("difference keeps the same object when nothing is taken away", () => {
  const a = sets.setOf(["f:a", "f:b"], ["f:c"]);
  assert.equal(sets.difference(a, sets.setOf(["f:z"], ["f:a"])), a);
});
