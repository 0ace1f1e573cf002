import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulation.ts";

const SEEDS = 12;
const STEPS = 500;

test("simulate() keeps every invariant and comes to rest from each of some seeds", async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await t.test(`seed ${seed}`, async () => {
      const { failure, last } = await simulate({ seed, steps: STEPS });
      assert.equal(failure, undefined, `seed ${seed}: ${failure}\n${last.join("\n")}`);
    });
  }
});

test("simulate() does the same from the same seed, and something else from another", async () => {
  const [first, again, other] = [
    await simulate({ seed: 7, steps: STEPS }),
    await simulate({ seed: 7, steps: STEPS }),
    await simulate({ seed: 8, steps: STEPS }),
  ];
  assert.equal(again.hash, first.hash);
  assert.notEqual(other.hash, first.hash);
});
