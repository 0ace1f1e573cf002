import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "./fake-clock.ts";
import { TokenBucket } from "./token-bucket.ts";

test("TokenBucket.allow lets a burst pass, then so many in a second, and never holds more than its burst", () => {
  const clock = new FakeClock(0);
  const bucket = new TokenBucket(clock, { perSecond: 10, burst: 3 });
  const passed = (asked: number): number =>
    Array.from({ length: asked }, () => bucket.allow()).filter(Boolean).length;
  assert.equal(passed(5), 3);
  clock.advance(200);
  assert.equal(passed(5), 2);
  clock.advance(60_000);
  assert.equal(passed(5), 3);
});

test("TokenBucket.reserve tells each how long its token takes, and those after it wait longer", () => {
  const clock = new FakeClock(0);
  const bucket = new TokenBucket(clock, { perSecond: 10, burst: 2 });
  assert.deepEqual(
    Array.from({ length: 4 }, () => bucket.reserve()),
    [0, 0, 100, 200],
  );
  assert.equal(bucket.allow(), false, "what was reserved is nobody else's");
  clock.advance(300);
  assert.equal(bucket.allow(), true);
  assert.equal(bucket.allow(), false);
});
