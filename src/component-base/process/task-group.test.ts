import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskGroup } from "./task-group.ts";

test("TaskGroup stops and awaits its tasks when the scope is left", async () => {
  const log: string[] = [];
  {
    await using tasks = new TaskGroup();
    tasks.start("a", (signal) => aborted(signal).then(() => void log.push("a ended")));
    assert.deepEqual(tasks.running, ["a"]);
  }
  assert.deepEqual(log, ["a ended"]);
});

test("TaskGroup stops the others when one fails, and wait throws that failure", async () => {
  const log: string[] = [];
  await using tasks = new TaskGroup();
  tasks.start("good", (signal) => aborted(signal).then(() => void log.push("good ended")));
  tasks.start("bad", () => Promise.reject(new Error("broken")));
  await assert.rejects(
    tasks.wait(),
    (err: Error) => err.message === "task bad failed" && (err.cause as Error).message === "broken",
  );
  assert.deepEqual(log, ["good ended"]);
  tasks.start("late", async () => void log.push("never"));
  assert.deepEqual(log, ["good ended"]);
});

test("TaskGroup throws an unseen failure when the scope is left", async () => {
  await assert.rejects(async () => {
    await using tasks = new TaskGroup();
    tasks.start("bad", () => Promise.reject(new Error("broken")));
  }, /task bad failed/);
});

test("TaskGroup takes rejections with the abort reason as obedience", async () => {
  const parent = new AbortController();
  await using tasks = new TaskGroup(parent.signal);
  tasks.start("sleeper", (signal) => aborted(signal).then(() => Promise.reject(signal.reason as Error)));
  parent.abort(new Error("shutting down"));
  await tasks.wait();
  assert.equal(tasks.signal.aborted, true);
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
