import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { FakeClock } from "#apimachinery";
import { FanOut } from "./fan-out.ts";

test("FanOut flushes a few targets at once, also twice in a row", async () => {
  const fanOut = new FanOut(new FakeClock());
  let flushed = 0;
  const target = { flush: () => ++flushed < 0 };
  for (let i = 1; i <= 2; i++) {
    fanOut.mark(target);
    fanOut.mark(target);
    await nextTurn();
    assert.equal(flushed, i);
  }
  assert.equal(fanOut.isIdle, true);
});

test("FanOut lets changes to a crowd gather between two rounds", async () => {
  const clock = new FakeClock();
  const fanOut = new FanOut(clock);
  let flushed = 0;
  const crowd = Array.from({ length: 1000 }, () => ({ flush: () => ++flushed < 0 }));
  for (const target of crowd) fanOut.mark(target);
  await nextTurn();
  assert.equal(flushed, 1000, "the first change goes out at once");
  for (let changes = 0; changes < 3; changes++) {
    for (const target of crowd) fanOut.mark(target);
    await nextTurn();
  }
  assert.equal(flushed, 1000, "the next ones wait");
  clock.advance(5);
  assert.equal(flushed, 2000, "and go out together");
});

test("FanOut asks a target again that has more to write", async () => {
  const fanOut = new FanOut(new FakeClock());
  let left = 3;
  fanOut.mark({ flush: () => --left > 0 });
  for (let i = 0; i < 3; i++) await nextTurn();
  assert.equal(left, 0);
});
