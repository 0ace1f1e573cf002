import assert from "node:assert/strict";
import { test } from "node:test";
import { TtlCache } from "./ttl-cache.ts";

test("TtlCache forgets an entry when its time has come", () => {
  let nowMs = 0;
  const cache = new TtlCache<string>(() => nowMs, 10);
  cache.set("a", "1", 100);
  cache.set("b", "2", Infinity);
  nowMs = 99;
  assert.equal(cache.get("a"), "1");
  nowMs = 100;
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.get("b"), "2");
});

test("TtlCache lets go of what was not used for the longest time", () => {
  const cache = new TtlCache<number>(() => 0, 2);
  cache.set("a", 1, 100);
  cache.set("b", 2, 100);
  cache.get("a");
  cache.set("c", 3, 100);
  assert.deepEqual(
    ["a", "b", "c"].map((key) => cache.get(key)),
    [1, undefined, 3],
  );
});
