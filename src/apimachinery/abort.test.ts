import assert from "node:assert/strict";
import { test } from "node:test";
import { orAborted, untilAborted } from "./abort.ts";

test("untilAborted() resolves when the signal aborts, also if it has already", async () => {
  const stop = new AbortController();
  const waiting = untilAborted(stop.signal);
  stop.abort();
  await waiting;
  await untilAborted(stop.signal);
});

test("orAborted() gives what comes first, and its signal's reason from then on", async () => {
  const stop = new AbortController();
  const reason = new Error("stopped");
  assert.equal(await orAborted(Promise.resolve(1), stop.signal), 1);
  const never = orAborted(new Promise(() => {}), stop.signal);
  stop.abort(reason);
  await assert.rejects(never, reason);
  await assert.rejects(orAborted(Promise.resolve(1), stop.signal), reason);
});
