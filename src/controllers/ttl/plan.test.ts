import assert from "node:assert/strict";
import { test } from "node:test";
import { hasTtl, nextStep, TTL_ANNOTATION, ttlSecondsOf } from "./plan.ts";

const cases: readonly { readonly step: number; readonly nodes: number; readonly want: number }[] = [
  { step: 0, nodes: 0, want: 0 },
  { step: 0, nodes: 100, want: 0 },
  { step: 0, nodes: 101, want: 15 },
  { step: 1, nodes: 90, want: 15 },
  { step: 1, nodes: 89, want: 0 },
  { step: 0, nodes: 2001, want: 300 },
  { step: 4, nodes: 1800, want: 300 },
  { step: 4, nodes: 1799, want: 60 },
  { step: 4, nodes: 3, want: 0 },
];

for (const { step, nodes, want } of cases) {
  test(`nextStep() from step ${step} with ${nodes} nodes means ${want} s`, () =>
    assert.equal(ttlSecondsOf(nextStep(step, nodes)), want));
}

test("hasTtl() takes only a number for one", () => {
  assert.equal(hasTtl({ [TTL_ANNOTATION]: "15" }, 15), true);
  assert.equal(hasTtl({ [TTL_ANNOTATION]: "0" }, 15), false);
  assert.equal(hasTtl({ [TTL_ANNOTATION]: "" }, 0), false);
  assert.equal(hasTtl(undefined, 0), false);
});
