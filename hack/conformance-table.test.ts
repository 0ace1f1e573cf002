import assert from "node:assert/strict";
import { test } from "node:test";
import { countOutcomes, formatRows, unproven } from "./conformance-table.ts";

const TESTS = [
  { name: "[sig-node] a", sig: "node", release: "1.30" },
  { name: "[sig-node] b", sig: "node", release: "1.30" },
  { name: "[sig-cli] c", sig: "cli", release: "1.30" },
];

test("countOutcomes counts by sig; what has no outcome is absent", () => {
  const rows = countOutcomes(
    TESTS,
    new Map([
      ["[sig-node] b", "failing"],
      ["[sig-cli] c", "passing"],
    ]),
  );
  assert.deepEqual(rows, [
    { title: "sig-cli", official: 1, covered: 1, passing: 1, failing: 0, skipped: 0, absent: 0 },
    { title: "sig-node", official: 2, covered: 1, passing: 0, failing: 1, skipped: 0, absent: 1 },
    { title: "all", official: 3, covered: 2, passing: 1, failing: 1, skipped: 0, absent: 1 },
  ]);
});

test("unproven() names what failed, was skipped or is absent; absent may be what another part covers", () => {
  const outcomes = new Map([
    ["[sig-node] a", "skipped"],
    ["[sig-node] b", "passing"],
  ] as const);
  assert.deepEqual(unproven(TESTS, outcomes, false), [
    "skipped (1.30)  [sig-node] a",
    "absent (1.30)  [sig-cli] c",
  ]);
  assert.deepEqual(unproven(TESTS, outcomes, true), ["skipped (1.30)  [sig-node] a"]);
  assert.deepEqual(unproven(TESTS, new Map([["[sig-cli] c", "failing"]]), true), [
    "failing (1.30)  [sig-cli] c",
  ]);
});

test("formatRows aligns numbers under their names", () => {
  const [head, row] = formatRows(countOutcomes(TESTS.slice(2), new Map())).split("\n");
  assert.equal(head, "         official  covered  passing  failing  skipped  absent");
  assert.equal(row, "sig-cli         1        0        0        0        0       1");
});
