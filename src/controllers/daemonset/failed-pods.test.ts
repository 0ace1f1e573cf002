import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { FailedPods } from "./failed-pods.ts";

test("FailedPods.waitMs() replaces the first pod at once and doubles the wait up to 15 minutes", () => {
  const clock = new FakeClock();
  const failed = new FailedPods(clock);
  assert.equal(failed.waitMs("ds/n1"), 0);
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    const waitMs = failed.waitMs("ds/n1");
    waits.push(waitMs / 1_000);
    clock.advance(waitMs);
    assert.equal(failed.waitMs("ds/n1"), 0);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  assert.equal(failed.waitMs("ds/n2"), 0, "every node has its own");
  clock.advance(31 * 60_000);
  assert.equal(failed.waitMs("ds/n1"), 0);
  assert.equal(failed.waitMs("ds/n1"), 1_000, "what was long ago is forgotten");
});
