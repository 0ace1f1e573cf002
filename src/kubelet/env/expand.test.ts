import assert from "node:assert/strict";
import { test } from "node:test";
import { expand, expandAll } from "./expand.ts";

const values: Readonly<Record<string, string>> = { A: "1", B: "$(A)", EMPTY: "" };
const lookup = (name: string): string | undefined => values[name];

const cases: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["$(A)", "1"],
  ["x$(A)y$(A)z", "x1y1z"],
  ["$(EMPTY)", ""],
  ["$(NONE)", "$(NONE)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$A", "$A"],
  ["$", "$"],
  ["$$", "$"],
  ["$(A", "$(A"],
  ["$()", "$()"],
  ["$(B)", "$(A)"],
  ["costs $5", "costs $5"],
];

for (const [text, want] of cases) {
  test(`expand() makes ${JSON.stringify(want)} of ${JSON.stringify(text)}`, () => {
    assert.equal(expand(text, lookup), want);
  });
}

test("expandAll() throws for a name that is not known", () => {
  assert.equal(expandAll("a/$(A)", lookup), "a/1");
  assert.throws(() => expandAll("a/$(NONE)", lookup), /missing value for "NONE"/u);
});
