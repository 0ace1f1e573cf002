import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pool } from "./pool.ts";

const members = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));

test("Pool numbers exactly those that are wanted, and its changes lead from one content to the next", () => {
  fc.assert(
    fc.property(fc.array(members, { maxLength: 8 }), (steps) => {
      const pool = new Pool();
      const shown: (string | undefined)[] = [];
      for (const wanted of steps) {
        for (const { index, before, after } of drained(pool.update(new Set(wanted)))) {
          assert.equal(shown[index], before);
          shown[index] = after;
        }
        while (shown.length > 0 && shown.at(-1) === undefined) shown.pop();
        assert.deepEqual(shown, pool.members);
        assert.deepEqual(pool.members.toSorted(), wanted.toSorted());
      }
    }),
  );
});

test("Pool changes two numbers when one of many goes, and one when one comes", () => {
  const all = Array.from({ length: 1_000 }, (_, i) => `e${i}`);
  const pool = new Pool();
  drained(pool.update(new Set(all)));
  assert.deepEqual(drained(pool.update(new Set(all.toSpliced(3, 1)))), [
    { index: 3, before: "e3", after: "e999" },
    { index: 999, before: "e999", after: undefined },
  ]);
  assert.equal(drained(pool.update(new Set(all))).length, 1);
});

function drained<T>(steps: Generator<number, T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
