import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { runCompactor } from "./compactor.ts";

const MINUTE_MS = 60_000;

test("runCompactor() compacts to where the interval before began, and rests when nothing is written", async () => {
  const clock = new FakeClock();
  const compacted: number[] = [];
  const told: number[] = [];
  let revision = 10;
  let fails = false;
  const store = {
    compact: async (target: number): Promise<void> => {
      if (fails) throw new Error("the disk is gone");
      compacted.push(target);
    },
  };
  const watchCache = {
    get revision(): number {
      return revision;
    },
    compact: (target: number): void => void told.push(target),
  };
  const stop = new AbortController();
  const options = { store, watchCache, clock, logger: silentLogger, intervalMs: 5 * MINUTE_MS };
  const running = runCompactor(options, stop.signal);
  const pass = async (): Promise<void> => {
    clock.advance(5 * MINUTE_MS);
    await setImmediate();
  };
  revision = 20;
  await pass();
  assert.deepEqual(compacted, [10]);
  await pass();
  await pass();
  await pass();
  assert.deepEqual(compacted, [10, 20]);
  revision = 30;
  await pass();
  fails = true;
  await pass();
  fails = false;
  revision = 40;
  await pass();
  assert.deepEqual(compacted, [10, 20, 30]);
  assert.deepEqual(told, compacted);
  stop.abort();
  await running;
});

const never = (): never => assert.fail("compacted");

test("runCompactor() ends at once when its signal has aborted", async () => {
  const clock = new FakeClock();
  const watchCache = { revision: 1, compact: never };
  const options = { store: { compact: never }, watchCache, clock, logger: silentLogger, intervalMs: 1 };
  await runCompactor(options, AbortSignal.abort());
});
