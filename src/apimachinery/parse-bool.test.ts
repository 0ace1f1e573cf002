import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBool } from "./parse-bool.ts";

test("parseBool() knows Go's words, and no others", () => {
  for (const text of ["1", "t", "T", "TRUE", "true", "True"]) assert.equal(parseBool(text), true, text);
  for (const text of ["0", "f", "F", "FALSE", "false", "False"]) assert.equal(parseBool(text), false, text);
  for (const text of ["", "yes", "tRUE", " true", "2"]) assert.equal(parseBool(text), undefined, text);
});
