import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Job } from "#api/batch/v1/types.gen";
import { SyncPauses } from "./sync-pauses.ts";

const job = (generation: number, uid: string = "1"): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "work", namespace: "default", uid, generation },
});

for (const [pods, wantMs] of [
  [1, 0],
  [99, 0],
  [100, 10],
  [1_000, 100],
  [10_000, 1_000],
  [100_000, 1_000],
] as const)
  test(`leftMs() is ${wantMs} after a sync of ${pods} pods`, () => {
    const pauses = new SyncPauses(new FakeClock());
    pauses.begin("default/work", job(1), pods);
    assert.equal(pauses.leftMs("default/work", job(1)), wantMs);
  });

test("leftMs() counts from the begin of the sync, and is 0 for another spec, another Job, and after forget()", () => {
  const clock = new FakeClock();
  const pauses = new SyncPauses(clock);
  pauses.begin("default/work", job(1), 1_000);
  clock.advance(60);
  assert.equal(pauses.leftMs("default/work", job(1)), 40);
  assert.equal(pauses.leftMs("default/work", job(2)), 0);
  assert.equal(pauses.leftMs("default/work", job(1, "2")), 0);
  assert.equal(pauses.leftMs("default/other", job(1)), 0);
  pauses.forget("default/work");
  assert.equal(pauses.leftMs("default/work", job(1)), 0);
});
