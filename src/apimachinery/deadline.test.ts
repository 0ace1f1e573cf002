import assert from "node:assert/strict";
import { it } from "node:test";
import { deadline } from "./deadline.ts";
import { FakeClock } from "./fake-clock.ts";

it("deadline aborts with its reason at its time, unless it was disposed before", () => {
  const clock = new FakeClock();
  const reason = new Error("too late");
  const kept = deadline(clock, 100, reason);
  const disposed = deadline(clock, 100, reason);
  disposed[Symbol.dispose]();
  clock.advance(99);
  assert.equal(kept.signal.aborted, false);
  clock.advance(1);
  assert.equal(kept.signal.reason, reason);
  assert.equal(disposed.signal.aborted, false);
});
