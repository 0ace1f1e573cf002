import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { newRateLimiter } from "./rate-limiter.ts";

test("newRateLimiter() lets a burst pass, then so many in a second", () => {
  const clock = new FakeClock(0);
  const limiter = newRateLimiter(clock, { perSecond: 10, burst: 3 });
  const passed = (asked: number): number =>
    Array.from({ length: asked }, () => limiter.allow()).filter(Boolean).length;
  assert.equal(passed(5), 3);
  clock.advance(200);
  assert.equal(passed(5), 2);
  clock.advance(60_000);
  assert.equal(passed(5), 3);
});
