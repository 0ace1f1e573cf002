import assert from "node:assert/strict";
import { test } from "node:test";
import { LastWrites } from "./last-writes.ts";
import { newPod } from "./testing/objects.ts";

const at = (resourceVersion: string, uid = "1"): ReturnType<typeof newPod> =>
  newPod("a", { metadata: { resourceVersion, uid } });

test("LastWrites tells when the cache is behind the last write, and when it has caught up", () => {
  const writes = new LastWrites();
  assert.equal(writes.isBehind(at("5")), false);
  writes.note(at("10"));
  assert.equal(writes.isBehind(at("9")), true);
  assert.equal(writes.isBehind(at("10")), false);
  assert.equal(writes.isBehind(at("9")), false);
});

test("LastWrites knows nothing of another object of the same name, nor of what was forgotten", () => {
  const writes = new LastWrites();
  writes.note(at("10"));
  assert.equal(writes.isBehind(at("9", "2")), false);
  writes.note(at("10"));
  writes.forget("default/a");
  assert.equal(writes.isBehind(at("9")), false);
});
