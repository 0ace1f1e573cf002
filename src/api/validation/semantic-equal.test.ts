import assert from "node:assert/strict";
import { test } from "node:test";
import { semanticEqual } from "./semantic-equal.ts";

for (const [a, b, want] of [
  [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, true],
  [[1, 2], [2, 1], false],
  [[1], { 0: 1 }, false],
  [undefined, {}, true],
  [[], undefined, true],
  [{ a: {} }, {}, true],
  [{ a: [] }, { b: undefined }, true],
  [{ a: "" }, {}, false],
  [{ a: 0 }, {}, false],
  [{ a: false }, undefined, false],
  [{}, { constructor: "me" }, false],
  [{ a: 1 }, { a: 1, constructor: "me" }, false],
  [{ a: 1, toString: {} }, { a: 1 }, true],
] as const) {
  test(`semanticEqual() of ${JSON.stringify(a)} and ${JSON.stringify(b)} is ${want}`, () => {
    assert.equal(semanticEqual(a, b), want);
    assert.equal(semanticEqual(b, a), want);
  });
}
