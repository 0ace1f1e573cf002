import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { KeyedRefresher } from "./keyed-refresher.ts";

function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function fixture(outcomes: ("done" | "failed" | undefined)[]): {
  readonly clock: FakeClock;
  readonly refresher: KeyedRefresher;
  readonly runs: number[];
  readonly advance: (ms: number) => Promise<void>;
} {
  const clock = new FakeClock();
  const runs: number[] = [];
  const refresher = new KeyedRefresher({
    clock,
    signal: new AbortController().signal,
    intervalMs: 1_000,
    retryMs: { min: 10, max: 40 },
    run: async () => {
      runs.push(clock.monotonicMs());
      return outcomes.shift();
    },
  });
  return {
    clock,
    refresher,
    runs,
    advance: async (ms) => {
      await settle();
      for (let i = 0; i < ms; i++) {
        clock.advance(1);
        await settle();
      }
    },
  };
}

test("KeyedRefresher comes back after its interval, and sooner after a failure", async () => {
  const { refresher, runs, advance, clock } = fixture([
    "failed",
    "failed",
    "failed",
    "failed",
    "done",
    "done",
  ]);
  const start = clock.monotonicMs();
  refresher.ask("a");
  await advance(1_200);
  assert.deepEqual(
    runs.map((at) => at - start),
    [0, 10, 30, 70, 110, 1_110],
  );
});

test("KeyedRefresher runs once for many who ask meanwhile, and rests when there is nothing to do", async () => {
  const { refresher, runs, advance } = fixture([undefined, undefined]);
  refresher.ask("a");
  refresher.ask("a");
  refresher.ask("a");
  await advance(100);
  assert.equal(runs.length, 2);
});

test("KeyedRefresher forgets", async () => {
  const { refresher, runs, advance } = fixture(["failed"]);
  refresher.ask("a");
  await advance(1);
  refresher.forget("a");
  await advance(100);
  assert.equal(runs.length, 1);
});
