import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "./fake-clock.ts";

test("FakeClock.advance fires timers in order, also those set meanwhile", () => {
  const clock = new FakeClock(0);
  const fired: string[] = [];
  clock.after(20, () => fired.push(`b@${clock.now()}`));
  clock.after(10, () => {
    fired.push(`a@${clock.now()}`);
    clock.after(5, () => fired.push(`c@${clock.now()}`));
  });
  clock.after(15, () => fired.push("never")).cancel();
  clock.advance(100);
  assert.deepEqual(fired, ["a@10", "c@15", "b@20"]);
  assert.equal(clock.now(), 100);
  assert.equal(clock.pending, 0);
});

test("FakeClock.sleep resolves when time comes and rejects when aborted", async () => {
  const clock = new FakeClock(0);
  const abort = new AbortController();
  const slept = clock.sleep(10, abort.signal);
  await clock.advanceAsync(10);
  await slept;
  const aborted = clock.sleep(10, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  assert.equal(clock.pending, 0);
});
