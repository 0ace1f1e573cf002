import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "./fake-clock.ts";
import { pause, WakeablePause } from "./pause.ts";

const never = new AbortController().signal;

/** Whether `waiting` is over by now. */
async function isOver(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  void waiting.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

describe("pause", () => {
  it("pause ends after its time, and at an abort without an error", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const [timed, aborted] = [pause(clock, 1_000, never), pause(clock, 1_000, stop.signal)];
    stop.abort();
    assert.equal(await isOver(aborted), true);
    assert.equal(await isOver(timed), false);
    clock.advance(1_000);
    assert.equal(await isOver(timed), true);
  });
});

describe("WakeablePause", () => {
  it("WakeablePause ends by time, by a wake, and by an abort before or while it waits", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const between = new WakeablePause(clock);
    between.wake();
    const timed = between.wait(10, never);
    assert.equal(await isOver(timed), false, "a wake from before is forgotten");
    clock.advance(10);
    assert.equal(await isOver(timed), true);
    const woken = between.wait(undefined, never);
    between.wake();
    assert.equal(await isOver(woken), true);
    const aborted = between.wait(undefined, stop.signal);
    stop.abort();
    assert.equal(await isOver(aborted), true);
    assert.equal(await isOver(between.wait(undefined, stop.signal)), true);
  });
});
