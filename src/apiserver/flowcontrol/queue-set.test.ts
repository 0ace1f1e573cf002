import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "#apimachinery";
import { requestInfo } from "../http/request-info.ts";
import { anonymousUser } from "../user-info.ts";
import type { SeatRequest } from "./fair-queue.ts";
import { FlowStats, type RejectReason } from "./flow-stats.ts";
import { QueueSet, type Arrival, type QueuingConfig } from "./queue-set.ts";
import { ONE_SEAT, type WorkEstimate } from "./work-estimate.ts";

const info = requestInfo("GET", "/api/v1/pods", new URLSearchParams());
const QUEUED: QueuingConfig = { queues: 2, queueLengthMax: 3, isExempt: false };

interface Fixture {
  readonly clock: FakeClock;
  readonly set: QueueSet;
  readonly stats: FlowStats;
  readonly arrive: (queue: number, work?: WorkEstimate) => SeatRequest | RejectReason;
}

function newSet(queuing: QueuingConfig, concurrencyLimit: number): Fixture {
  const clock = new FakeClock();
  const set = new QueueSet(clock);
  set.configure(queuing, { concurrencyLimit, denominator: Math.max(1, concurrencyLimit) });
  const stats = new FlowStats("level", "schema");
  const arrival: Omit<Arrival, "hand" | "work"> = { stats, distinguisher: "", user: anonymousUser, info };
  const arrive = (queue: number, work = ONE_SEAT): SeatRequest | RejectReason =>
    set.start({ ...arrival, hand: [queue], work });
  return { clock, set, stats, arrive };
}

function isRequest(started: SeatRequest | RejectReason): asserts started is SeatRequest {
  assert.equal(typeof started, "object", "it was refused");
}

test("QueueSet lets requests run up to its limit, then queues, then refuses", () => {
  const { set, stats, arrive } = newSet(QUEUED, 2);
  const started = Array.from({ length: 6 }, () => arrive(0));
  const states = started.map((one) => (typeof one === "string" ? one : one.state));
  assert.deepEqual(states, ["executing", "executing", "waiting", "waiting", "waiting", "queue-full"]);
  assert.deepEqual([set.executing, set.waiting, stats.rejected.get("queue-full")], [2, 3, 1]);
  isRequest(started[0]!);
  set.finish(started[0]);
  isRequest(started[2]!);
  assert.equal(started[2].state, "executing", "the oldest is next");
});

test("QueueSet without queues refuses what finds no seat", () => {
  const { arrive } = newSet({ queues: 0, queueLengthMax: 0, isExempt: false }, 1);
  isRequest(arrive(0));
  assert.equal(arrive(0), "concurrency-limit");
});

test("QueueSet of an exempt level limits nothing", () => {
  const { set, arrive } = newSet({ queues: 0, queueLengthMax: 0, isExempt: true }, 0);
  for (let i = 0; i < 1_000; i++) isRequest(arrive(0));
  assert.equal(set.executing, 1_000);
});

test("QueueSet lets a request run alone that is wider than its limit", () => {
  const { set, arrive } = newSet(QUEUED, 2);
  const wide = { ...ONE_SEAT, initialSeats: 5 };
  const first = arrive(0);
  const second = arrive(0, wide);
  isRequest(first);
  isRequest(second);
  assert.equal(second.state, "waiting");
  set.finish(first);
  assert.equal(second.state, "executing");
});

test("QueueSet keeps final seats for their time after the end", () => {
  const { clock, set, stats, arrive } = newSet(QUEUED, 3);
  const first = arrive(0, { initialSeats: 1, finalSeats: 3, additionalLatencyMs: 50 });
  isRequest(first);
  assert.equal(stats.seatsExecuting, 3, "the wider of both phases counts all the time");
  set.finish(first);
  const next = arrive(1);
  isRequest(next);
  clock.advance(49);
  assert.equal(next.state, "waiting");
  clock.advance(1);
  assert.equal(next.state, "executing");
});

test("QueueSet forgets a request that does not wait any more, once", () => {
  const { set, stats, arrive } = newSet(QUEUED, 1);
  isRequest(arrive(0));
  const waiting = arrive(0);
  isRequest(waiting);
  assert.equal(set.cancel(waiting, "time-out"), true);
  assert.equal(set.cancel(waiting, "time-out"), false);
  assert.deepEqual([set.waiting, stats.rejected.get("time-out")], [0, 1]);
});

test("QueueSet drains surplus queues before they go", () => {
  const { set, arrive } = newSet({ ...QUEUED, queues: 4 }, 1);
  const first = arrive(0);
  const second = arrive(3);
  set.configure({ ...QUEUED, queues: 1 }, { concurrencyLimit: 1, denominator: 1 });
  assert.equal(set.queues.length, 4);
  isRequest(first);
  isRequest(second);
  set.finish(first);
  assert.equal(second.state, "executing");
  set.finish(second);
  assert.ok(set.queues.length < 4);
});

test("QueueSet takes more seats at once when its limit rises", () => {
  const { set, arrive } = newSet(QUEUED, 1);
  isRequest(arrive(0));
  const waiting = arrive(0);
  isRequest(waiting);
  set.configure(QUEUED, { concurrencyLimit: 2, denominator: 2 });
  assert.equal(waiting.state, "executing");
});

/** Two flows for a while: one floods its queue, one has a request at a time; every request runs for `serviceMs`. */
function served(
  seats: number,
  serviceMs: number,
  floods: number,
): { flood: number; steady: number; waitMs: number } {
  const { clock, set, arrive } = newSet({ queues: 2, queueLengthMax: 50, isExempt: false }, seats);
  const counts = { flood: 0, steady: 0, waitMs: 0 };
  const run = (queue: number, onDone: () => void): void => {
    const started = arrive(queue);
    if (typeof started === "string") return;
    const begin = (): void => {
      if (queue === 1) counts.waitMs = Math.max(counts.waitMs, clock.monotonicMs() - started.arrivedMs);
      clock.after(serviceMs, () => {
        set.finish(started);
        onDone();
      });
    };
    if (started.state === "executing") begin();
    else started.onExecute = begin;
  };
  const steady = (): void => run(1, () => (counts.steady++, steady()));
  const flood = (): void => run(0, () => (counts.flood++, flood()));
  for (let i = 0; i < floods; i++) flood();
  steady();
  clock.advance(serviceMs * 200);
  return counts;
}

test("QueueSet gives a flow that floods no more than what others leave", () => {
  const facts = fc.record({
    seats: fc.integer({ min: 1, max: 8 }),
    serviceMs: fc.integer({ min: 2, max: 50 }),
    floods: fc.integer({ min: 12, max: 45 }),
  });
  fc.assert(
    fc.property(facts, ({ seats, serviceMs, floods }) => {
      const { flood, steady, waitMs } = served(seats, serviceMs, floods);
      // One at a time, each waits for one of the flood to end at most, and then for its own.
      assert.ok(steady >= 95, `steady ${steady}, flood ${flood}`);
      assert.ok(waitMs <= 2 * serviceMs, `waited ${waitMs} ms where a request takes ${serviceMs} ms`);
      // Nothing is left idle for it.
      assert.ok(flood + steady >= 190 * seats, `${flood + steady} of ${200 * seats}`);
    }),
    { numRuns: 40 },
  );
});
