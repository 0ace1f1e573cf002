import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { Backoff } from "./backoff.ts";

test("Backoff doubles from the initial wait to the maximum", () => {
  const clock = new FakeClock();
  const backoff = new Backoff(clock, { initialMs: 10_000, maxMs: 300_000 });
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    backoff.next("k", clock.now());
    waits.push(backoff.delayMs("k") / 1000);
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300]);
});

test("Backoff waits from the event, and forgets after ten quiet minutes", () => {
  const clock = new FakeClock();
  const backoff = new Backoff(clock, { initialMs: 10_000, maxMs: 300_000 });
  const failedMs = clock.now();
  assert.equal(backoff.waitUntil("k", failedMs), undefined);
  backoff.next("k", failedMs);
  assert.equal(backoff.waitUntil("k", failedMs), failedMs + 10_000);
  clock.advance(10_000);
  assert.equal(backoff.waitUntil("k", failedMs), undefined);
  backoff.next("k", clock.now());
  assert.equal(backoff.delayMs("k"), 20_000);
  clock.advance(600_001);
  backoff.next("k", clock.now());
  assert.equal(backoff.delayMs("k"), 10_000);
});

test("Backoff.reset forgets the keys of one pod", () => {
  const clock = new FakeClock();
  const backoff = new Backoff(clock, { initialMs: 10, maxMs: 100 });
  backoff.next("u1_a", 0);
  backoff.next("u2_a", 0);
  backoff.reset("u1_");
  assert.deepEqual([backoff.delayMs("u1_a"), backoff.delayMs("u2_a")], [0, 10]);
});
