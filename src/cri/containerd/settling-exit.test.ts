import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { ContainerEvent } from "../container.ts";
import { type ExitSource, SettlingExit } from "./settling-exit.ts";

const EVENT: ContainerEvent = {
  containerId: "c",
  type: "CONTAINER_STOPPED_EVENT",
  createdAt: 1n,
  containersStatuses: [],
};
const never = new AbortController().signal;

/** CRI says that the container has exited from the `exitedAt`th question on. */
function fixture(exitedAt: number): { exit: SettlingExit; clock: FakeClock; asked: () => number } {
  const clock = new FakeClock();
  let count = 0;
  const runtime = {
    containerStatus: () => {
      const state = ++count >= exitedAt ? "CONTAINER_EXITED" : "CONTAINER_RUNNING";
      return Promise.resolve({ status: { id: "c", state } });
    },
    podSandboxStatus: () => Promise.reject(new Error("not asked")),
  } as unknown as ExitSource["runtime"];
  return {
    exit: new SettlingExit({ runtime, clock, logger: silentLogger }, EVENT),
    clock,
    asked: () => count,
  };
}

test("SettlingExit asks once when the task is deleted, however long that took", async () => {
  const { exit, clock, asked } = fixture(1);
  const settled = exit.settle(never);
  clock.advance(99);
  exit.deleted("another");
  await setImmediate();
  assert.equal(asked(), 0);
  exit.deleted("c");
  assert.equal((await settled).containersStatuses.length, 1);
  assert.equal(asked(), 1);
  assert.equal(clock.pending, 0);
});

test("SettlingExit asks again soon when CRI is a little behind the deletion", async () => {
  const { exit, clock, asked } = fixture(3);
  exit.deleted("c");
  const settled = exit.settle(never);
  for (let i = 0; i < 2; i++) {
    await setImmediate();
    clock.advance(10);
  }
  assert.equal((await settled).containersStatuses.length, 1);
  assert.equal(asked(), 3);
});

test("SettlingExit hands the bare event on when CRI does not agree in two seconds", async () => {
  const { exit, clock, asked } = fixture(Number.POSITIVE_INFINITY);
  const settled = exit.settle(never);
  for (let i = 0; i < 20; i++) {
    clock.advance(100);
    await setImmediate();
  }
  assert.equal(await settled, EVENT);
  assert.equal(asked(), 19);
});
