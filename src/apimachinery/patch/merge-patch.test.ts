import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  applyMergePatch,
  createMergePatch,
  createThreeWayMergePatch,
  requireUnchanged,
} from "./merge-patch.ts";

test("applyMergePatch follows the examples of RFC 7396", () => {
  const table: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, patch, want] of table) assert.deepEqual(applyMergePatch(document, patch), want);
  assert.throws(() => applyMergePatch({}, [1]), { code: 400 });
});

/** JSON objects without nulls: what a merge patch can describe. */
const document = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer(),
    fc.string({ maxLength: 3 }),
    fc.array(fc.integer(), { maxLength: 2 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), tie("value"), { maxKeys: 3 }),
}))["object"];

test("createMergePatch makes the patch that leads from one document to the other", () => {
  fc.assert(
    fc.property(document, document, (original, modified) => {
      const patch = createMergePatch(original, modified);
      assert.equal(
        JSON.stringify(sortKeys(applyMergePatch(original, patch))),
        JSON.stringify(sortKeys(modified)),
      );
      assert.deepEqual(createMergePatch(original, original), {});
    }),
  );
});

test("createThreeWayMergePatch keeps what others added", () => {
  const patch = createThreeWayMergePatch(
    { a: 1, b: 1, n: { x: 1, y: 1 } },
    { a: 2, n: { x: 1 } },
    { a: 1, b: 1, z: 9, n: { x: 1, y: 1, w: 3 } },
  );
  assert.deepEqual(patch, { a: 2, b: null, n: { y: null } });
  assert.throws(
    () => requireUnchanged({ metadata: { name: "x" } }, ["kind"], ["metadata", "name"]),
    /precondition failed/,
  );
  requireUnchanged({ metadata: {} }, ["kind"], ["metadata", "name"]);
});

function sortKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .map(([key, child]) => [key, sortKeys(child)])
    .toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}
