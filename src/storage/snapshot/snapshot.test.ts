import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  Compacted,
  openLmdbStore,
  restoreSnapshot,
  saveSnapshot,
  SnapshotCorrupt,
  verifySnapshot,
} from "../index.ts";
import type { Store } from "../store.ts";

const facts = { version: "0.0.0", createdAt: "2026-01-01T00:00:00Z" };
let folder = "";
let dataDir = "";
let file = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-snapshot-"));
  dataDir = join(folder, "data");
  file = join(folder, "snapshot");
});
afterEach(() => rm(folder, { recursive: true }));

async function put(store: Store, key: string, value: string): Promise<number> {
  const found = await store.get(key);
  return store.commit([{ key, value: Buffer.from(value), ifRevision: found?.revision ?? 0 }]);
}

async function contents(store: Store): Promise<readonly string[]> {
  const { entries } = await store.range({ prefix: "" });
  return entries.map(({ key, value, revision }) => `${key}=${Buffer.from(value).toString()}@${revision}`);
}

test("saveSnapshot() copies one state while the store is written, and restoreSnapshot() brings it back", async () => {
  const store = await openLmdbStore({ path: dataDir });
  for (let i = 0; i < 1_200; i++) void put(store, `/k/${i}`, `${i}`);
  await put(store, "/last", "1");
  const before = await contents(store);
  const saved = new AbortController();
  const writing = (async () => {
    for (let i = 0; !saved.signal.aborted; i++) await put(store, `/later/${i}`, "x");
  })();
  const manifest = await saveSnapshot({ dataDir }, file, facts);
  saved.abort();
  await writing;
  assert.deepEqual(await verifySnapshot(file), manifest);
  await put(store, "/last", "2");
  const latest = await store.revision();
  await assert.rejects(restoreSnapshot({ dataDir }, file, "old"), /is held by process/);
  await store.close();

  const { kept } = await restoreSnapshot({ dataDir }, file, "old");
  const restored = await openLmdbStore({ path: dataDir });
  const [now, expected] = [await contents(restored), new Set(before)];
  assert.equal(now.length, manifest.entries);
  assert.ok(now.length >= before.length && before.every((entry) => now.includes(entry)));
  assert.ok(now.every((entry) => expected.has(entry) || entry.startsWith("/later/")));
  // Whoever has seen what came after the copy is told to begin anew.
  assert.ok((await restored.revision()) > latest);
  await assert.rejects(
    restored.watch("/", latest, new AbortController().signal)[Symbol.asyncIterator]().next(),
    Compacted,
  );
  assert.ok((await put(restored, "/new", "1")) > latest);
  await restored.close();
  assert.equal(kept, `${dataDir}.old`);
  const old = await openLmdbStore({ path: kept });
  assert.equal(Buffer.from((await old.get("/last"))!.value).toString(), "2");
  await old.close();
});

test("restoreSnapshot() refuses a file that is not whole, and changes nothing", async () => {
  const store = await openLmdbStore({ path: dataDir });
  await put(store, "/a", "the value");
  await saveSnapshot({ dataDir }, file, facts);
  await store.close();
  const good = await readFile(file);
  const at = good.indexOf("the value");
  const changed = Buffer.from(good);
  changed[at]! ^= 1;
  const moved = Buffer.from(good.toString("latin1").replace('"revision":1', '"revision":9'), "latin1");
  const bad: readonly (readonly [string, Buffer, RegExp])[] = [
    ["a changed byte", changed, /is corrupt: its checksum is/],
    ["a changed manifest", moved, /is corrupt: its checksum is/],
    ["a cut", good.subarray(0, -5), /is no snapshot, or not a complete one/],
    ["another file", Buffer.from("hello"), /is no snapshot/],
  ];
  const { length } = await readdir(folder);
  for (const [name, bytes, why] of bad) {
    await writeFile(file, bytes);
    await assert.rejects(restoreSnapshot({ dataDir }, file, "old"), (err: unknown) => {
      assert.ok(err instanceof SnapshotCorrupt, name);
      assert.match(err.message, why);
      return true;
    });
  }
  assert.equal((await readdir(folder)).length, length);
});

test("saveSnapshot() never overwrites, and leaves no half of a file", async () => {
  await assert.rejects(saveSnapshot({ dataDir }, file, facts), /there is no store in/);
  assert.ok(!existsSync(file));
  await writeFile(file, "mine");
  const store = await openLmdbStore({ path: dataDir });
  await put(store, "/a", "1");
  await assert.rejects(saveSnapshot({ dataDir }, file, facts), { code: "EEXIST" });
  assert.equal(await readFile(file, "utf8"), "mine");
  await store.close();
});
