import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { DelayingQueue } from "./delaying-queue.ts";
import type { MetricsSink } from "./metrics.ts";
import {
  bucketRateLimiter,
  defaultControllerRateLimiter,
  itemExponentialRateLimiter,
} from "./rate-limiter.ts";
import { RateLimitingQueue } from "./rate-limiting-queue.ts";
import { WorkQueue } from "./workqueue.ts";

test("add() of a waiting key is coalesced", async () => {
  const queue = new WorkQueue<string>();
  queue.add("a");
  queue.add("a");
  assert.equal(queue.length, 1);
  assert.equal(await queue.get(), "a");
});

test("add() of a key being handled brings it back only after done()", async () => {
  const queue = new WorkQueue<string>();
  queue.add("a");
  const key = (await queue.get())!;
  queue.add("a");
  assert.equal(queue.length, 0);
  queue.done(key);
  assert.equal(await queue.get(), "a");
});

test("get() waits for a key, and returns undefined after close()", async () => {
  const queue = new WorkQueue<string>();
  const waiting = queue.get();
  queue.add("a");
  assert.equal(await waiting, "a");
  const closing = queue.get();
  queue.close();
  assert.equal(await closing, undefined);
});

test("WorkQueue reports upstream's metrics", async () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  const metrics: MetricsSink = {
    inc: (name, labels) => void seen.push(`${name}{${labels["name"]}}`),
    set: (name, _, value) => void seen.push(`${name} ${value}`),
    observe: (name, _, value) => void seen.push(`${name} ${value}`),
  };
  const queue = new WorkQueue<string>({ name: "q", metrics, clock });
  queue.add("a");
  clock.advance(2_000);
  await queue.get();
  clock.advance(3_000);
  queue.updateUnfinishedWork();
  queue.done("a");
  assert.deepEqual(seen, [
    "workqueue_adds_total{q}",
    "workqueue_depth 1",
    "workqueue_depth 0",
    "workqueue_queue_duration_seconds 2",
    "workqueue_unfinished_work_seconds 3",
    "workqueue_longest_running_processor_seconds 3",
    "workqueue_work_duration_seconds 3",
  ]);
});

test("addAfter() adds in order of time, and keeps the earlier time of a key that waits", async () => {
  const clock = new FakeClock();
  const queue = new DelayingQueue<string>({ clock });
  queue.addAfter("late", 300);
  queue.addAfter("soon", 100);
  queue.addAfter("both", 500);
  queue.addAfter("both", 200);
  queue.addAfter("both", 400);
  queue.addAfter("now", 0);
  const order: string[] = [];
  for (const ms of [0, 99, 1, 100, 100, 500]) {
    clock.advance(ms);
    while (queue.length > 0) {
      const key = (await queue.get())!;
      order.push(`${clock.monotonicMs()}:${key}`);
      queue.done(key);
    }
  }
  assert.deepEqual(order, ["0:now", "100:soon", "200:both", "300:late"]);
  assert.equal(clock.pending, 0);
});

test("addAfter() waits longer than a timer can", () => {
  const clock = new FakeClock();
  const queue = new DelayingQueue<string>({ clock });
  const days40 = 40 * 86_400_000;
  queue.addAfter("a", days40);
  clock.advance(days40 - 1);
  assert.equal(queue.length, 0);
  clock.advance(1);
  assert.equal(queue.length, 1);
});

test("close() drops what waits for its time", async () => {
  const clock = new FakeClock();
  const queue = new DelayingQueue<string>({ clock });
  queue.addAfter("a", 100);
  queue.close();
  assert.equal(clock.pending, 0);
  assert.equal(await queue.get(), undefined);
});

test("itemExponentialRateLimiter() doubles per failure up to its limit, and forgets", () => {
  const limiter = itemExponentialRateLimiter<string>(5, 1_000);
  const delays = Array.from({ length: 10 }, () => limiter.when("a"));
  assert.deepEqual(delays, [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
  assert.equal(limiter.when("b"), 5);
  limiter.forget("a");
  assert.equal(limiter.when("a"), 5);
  for (let i = 0; i < 2_000; i++) limiter.when("a");
  assert.equal(limiter.when("a"), 1_000);
});

test("bucketRateLimiter() lets a burst through, then spaces what follows", () => {
  const clock = new FakeClock();
  const limiter = bucketRateLimiter<string>(10, 2, clock);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.when("a")),
    [0, 0, 100, 200],
  );
  clock.advance(10_000);
  assert.equal(limiter.when("a"), 0);
});

test("addRateLimited() backs off as upstream's controllers do", async () => {
  const clock = new FakeClock();
  const queue = new RateLimitingQueue<string>({ clock, rateLimiter: defaultControllerRateLimiter(clock) });
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    queue.addRateLimited("a");
    waits.push(clock.nextDelayMs!);
    clock.advance(clock.nextDelayMs!);
    queue.done((await queue.get())!);
  }
  assert.deepEqual(waits, [5, 10, 20, 40]);
  assert.equal(queue.numRequeues("a"), 4);
  queue.forget("a");
  assert.equal(queue.numRequeues("a"), 0);
});
