import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { ControllerExpectations } from "./expectations.ts";
import { slowStartBatch } from "./slow-start-batch.ts";

/** Steps: `+n` expect creations, `-x,y` expect deletions, `c` creation seen, `dX` deletion of X seen, `t` six minutes pass. */
const cases = [
  { name: "is satisfied when nothing was expected", steps: "", want: true },
  { name: "waits for every creation", steps: "+2 c", want: false },
  { name: "is satisfied by all creations", steps: "+2 c c", want: true },
  { name: "is not confused by creations of others", steps: "+1 c c c", want: true },
  { name: "waits for every deletion", steps: "-x,y dx", want: false },
  { name: "counts a deletion once", steps: "-x,y dx dx", want: false },
  { name: "ignores deletions it did not ask for", steps: "-x dz", want: false },
  { name: "is satisfied by all deletions", steps: "-x,y dy dx", want: true },
  { name: "gives up after five minutes", steps: "+1 t", want: true },
];

for (const { name, steps, want } of cases) {
  test(`ControllerExpectations ${name}`, () => {
    const clock = new FakeClock();
    const expectations = new ControllerExpectations(clock);
    for (const step of steps.split(" ").filter((word) => word !== "")) {
      const rest = step.slice(1);
      if (step[0] === "+") expectations.expectCreations("k", Number(rest));
      else if (step[0] === "-") expectations.expectDeletions("k", rest.split(","));
      else if (step === "c") expectations.creationObserved("k");
      else if (step[0] === "d") expectations.deletionObserved("k", rest);
      else clock.advance(360_000);
    }
    assert.equal(expectations.satisfied("k"), want);
  });
}

test("slowStartBatch() doubles its batches and stops after one that failed", async () => {
  const calls: number[] = [];
  const ok = await slowStartBatch(10, 1, async (index) => calls.push(index));
  assert.deepEqual(ok, { successes: 10, error: undefined });
  assert.deepEqual(calls, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const failed = await slowStartBatch(10, 1, async (index) => {
    if (index === 2) throw new Error("quota");
  });
  assert.equal(failed.successes, 2);
  assert.match(String(failed.error), /quota/);
});
