import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJSON, equalJSON, fnv32a, safeEncode, templateHash } from "./template-hash.ts";

test("canonicalJSON() is independent of the order of keys, and of what is absent or null", () => {
  assert.equal(canonicalJSON({ b: 1, a: { d: null, c: [2, 1] } }), '{"a":{"c":[2,1]},"b":1}');
  assert.equal(equalJSON({ a: undefined, b: 1 }, { b: 1 }), true);
  assert.equal(equalJSON([1, 2], [2, 1]), false);
});

for (const [a, b, want] of [
  [1, 1, true],
  [1, "1", false],
  [0, undefined, false],
  [null, undefined, true],
  [{}, undefined, false],
  [{ a: null }, {}, true],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: 1, b: 2 }, { a: 1 }, false],
  [{ a: { x: 1, y: [{ z: "1" }] } }, { a: { y: [{ z: "1" }], x: 1 } }, true],
  [{ a: [] }, { a: {} }, false],
  [[], {}, false],
  [[1], [1, undefined], false],
  [{ toString: 1 }, {}, false],
] as const)
  test(`equalJSON() of ${JSON.stringify(a)} and ${JSON.stringify(b)} is ${want}`, () => {
    assert.equal(equalJSON(a, b), want);
    assert.equal(equalJSON(b, a), want);
  });

test("fnv32a() and safeEncode() are upstream's", () => {
  assert.equal(fnv32a(""), 0x811c9dc5);
  assert.equal(fnv32a("a"), 0xe40c292c);
  assert.equal(fnv32a("foobar"), 0xbf9cf968);
  assert.equal(safeEncode("0123456789"), "456789bcdf");
});

test("templateHash() changes with the template and with the collision count, and with nothing else", () => {
  const hash = templateHash({ a: 1, b: 2 }, undefined);
  assert.equal(templateHash({ b: 2, a: 1 }, undefined), hash);
  assert.notEqual(templateHash({ a: 1, b: 3 }, undefined), hash);
  assert.notEqual(templateHash({ a: 1, b: 2 }, 0), hash);
  assert.notEqual(templateHash({ a: 1, b: 2 }, 1), templateHash({ a: 1, b: 2 }, 2));
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});
