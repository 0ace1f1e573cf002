import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "./own-writes.ts";
import { newPod, START } from "./testing/objects.ts";

const pod = newPod("a", { metadata: { resourceVersion: "5" } });

function setUp(): {
  writes: OwnWrites;
  cache: Map<string, Pod>;
  informer: { lastSyncResourceVersion: string };
  clock: FakeClock;
} {
  const cache = new Map<string, Pod>();
  const clock = new FakeClock();
  const informer = { lister: { get: (key: string) => cache.get(key) }, lastSyncResourceVersion: "1" };
  return { writes: new OwnWrites(clock, informer), cache, informer, clock };
}

test("OwnWrites is settled when the cache shows the created object", () => {
  const { writes, cache } = setUp();
  assert.equal(writes.settled("default/web"), true);
  writes.created("default/web", pod);
  assert.equal(writes.settled("default/web"), false);
  assert.equal(writes.settled("default/other"), true);
  cache.set("default/a", pod);
  assert.equal(writes.settled("default/web"), true);
});

test("OwnWrites is settled when the cache is past an object that came and went", () => {
  const { writes, informer } = setUp();
  writes.created("default/web", pod);
  informer.lastSyncResourceVersion = "4";
  assert.equal(writes.settled("default/web"), false);
  informer.lastSyncResourceVersion = "10";
  assert.equal(writes.settled("default/web"), true);
});

test("OwnWrites is settled when the cache shows that the deletion began, or the object gone or replaced", () => {
  for (const seen of [
    undefined,
    newPod("a", { metadata: { deletionTimestamp: START } }),
    newPod("a", { metadata: { uid: "x" } }),
  ]) {
    const { writes, cache } = setUp();
    cache.set("default/a", pod);
    writes.deleted("default/web", pod);
    assert.equal(writes.settled("default/web"), false);
    if (seen === undefined) cache.delete("default/a");
    else cache.set("default/a", seen);
    assert.equal(writes.settled("default/web"), true);
  }
});

test("OwnWrites stops waiting after its timeout, and when the owner is forgotten", () => {
  const { writes, clock } = setUp();
  writes.created("default/web", pod);
  writes.created("default/other", pod);
  writes.forget("default/other");
  assert.equal(writes.settled("default/other"), true);
  clock.advance(OWN_WRITES_TIMEOUT_MS + 1);
  assert.equal(writes.settled("default/web"), true);
});
