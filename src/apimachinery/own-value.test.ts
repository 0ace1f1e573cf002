/** Names that objects inherit are no entries. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownValue } from "./own-value.ts";

test("ownValue() reads entries, and nothing that objects inherit", () => {
  assert.equal(ownValue({ a: "x" }, "a"), "x");
  assert.equal(ownValue({ constructor: "x" }, "constructor"), "x");
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", "b"]) {
    assert.equal(ownValue({ a: "x" }, name), undefined);
  }
  assert.equal(ownValue(undefined, "a"), undefined);
});
