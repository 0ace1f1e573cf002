import assert from "node:assert/strict";
import { test } from "node:test";
import { DroppedRequests } from "./dropped-requests.ts";
import { SeatDemand, smoothedDemand } from "./seat-demand.ts";

test("DroppedRequests begins with a second, doubles under fire and comes back", () => {
  const dropped = new DroppedRequests();
  const second = (at: number, count: number): number => {
    for (let i = 0; i < count; i++) dropped.record(at * 1000);
    return dropped.retryAfterSeconds;
  };
  assert.equal(second(1_000, 5), 1);
  assert.equal(second(1_001, 20), 2, "more than three in the last second");
  assert.equal(second(1_002, 20), 2, "not twice within the wait");
  assert.equal(second(1_003, 20), 4);
  for (let at = 1_004; at < 1_200; at++) second(at, 200);
  assert.equal(dropped.retryAfterSeconds, 32, "the most there is");
  for (let at = 2_000; at < 4_000; at += 50) second(at, 1);
  assert.equal(dropped.retryAfterSeconds, 1);
});

test("SeatDemand tells mean, deviation and maximum of its interval", () => {
  const demand = new SeatDemand(0);
  demand.set(4, 0);
  demand.set(0, 5_000);
  assert.deepEqual(demand.next(10_000), { seconds: 10, average: 2, deviation: 2, max: 4 });
  assert.deepEqual(demand.next(20_000), { seconds: 10, average: 0, deviation: 0, max: 0 });
});

test("smoothedDemand rises at once and halves in five minutes", () => {
  const interval = { seconds: 10, average: 0, deviation: 0, max: 0 };
  assert.equal(smoothedDemand(3, { ...interval, average: 10, deviation: 5 }), 15);
  let smoothed = 100;
  for (let i = 0; i < 30; i++) smoothed = smoothedDemand(smoothed, interval);
  assert.ok(smoothed > 48 && smoothed < 52, String(smoothed));
  assert.equal(smoothedDemand(3, { ...interval, seconds: 0 }), 3);
});
