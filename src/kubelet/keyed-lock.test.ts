import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedLock } from "./keyed-lock.ts";

const NEVER = new AbortController().signal;

test("KeyedLock runs work on one name in order, on others at once, and goes on after failures", async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const step = (name: string, keys: readonly string[], wait?: Promise<void>): Promise<void> =>
    lock.run(
      keys,
      async () => {
        order.push(`${name} begins`);
        await wait;
        order.push(`${name} ends`);
      },
      NEVER,
    );
  const all = [step("1", ["a", "b"], gate.promise), step("2", ["b", "c"]), step("3", ["d"])];
  all.push(assert.rejects(lock.run(["c"], () => Promise.reject(new Error("no")), NEVER)));
  all.push(step("4", ["c", "a"]));
  await all[2];
  gate.resolve();
  await Promise.all(all);
  assert.deepEqual(order, [
    "1 begins",
    "3 begins",
    "3 ends",
    "1 ends",
    "2 begins",
    "2 ends",
    "4 begins",
    "4 ends",
  ]);
});

test("KeyedLock lets go of who gives up waiting, and nobody gets before his turn by that", async () => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<void>();
  const stop = new AbortController();
  let isFree = false;
  const first = lock.run(["a"], () => gate.promise, NEVER);
  const second = lock.run(["a"], async () => {}, stop.signal);
  const third = lock.run(["a"], async () => assert.equal(isFree, true), NEVER);
  stop.abort(new Error("enough"));
  await assert.rejects(second, { message: "enough" });
  isFree = true;
  gate.resolve();
  await Promise.all([first, third]);
});
