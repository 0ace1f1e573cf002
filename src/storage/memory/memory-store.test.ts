import assert from "node:assert/strict";
import { test } from "node:test";
import { storeConformance, take } from "../conformance.ts";
import { Compacted } from "../store.ts";
import { openMemoryStore } from "./memory-store.ts";

storeConformance("memory", () => openMemoryStore());

test("openMemoryStore() compacts the oldest changes beyond its history limit", async () => {
  const store = await openMemoryStore({ historyMax: 10 });
  for (let i = 0; i < 30; i++) await store.commit([{ key: `/${i}`, value: Buffer.from("x"), ifRevision: 0 }]);
  const signal = new AbortController().signal;
  await assert.rejects(take(1, store.watch("/", 5, signal)), Compacted);
  assert.equal((await take(10, store.watch("/", 20, signal))).length, 10);
  assert.equal((await store.range({ prefix: "/" })).entries.length, 30);
  await store.close();
});
