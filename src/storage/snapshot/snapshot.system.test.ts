import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEtcd } from "../etcd/testdata/start-etcd.ts";
import { openEtcdStore, openLmdbStore, restoreSnapshot, saveSnapshot } from "../index.ts";

const facts = { version: "0.0.0", createdAt: "2026-01-01T00:00:00Z" };

test("saveSnapshot() takes a cluster from the embedded store to etcd and back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-snapshot-"));
  const dataDir = join(folder, "data");
  const first = await openLmdbStore({ path: dataDir });
  const writes = Array.from({ length: 750 }, (_, i) => ({
    key: `/k/${i}`,
    value: Buffer.from(`${i}`),
    ifRevision: 0,
  }));
  await first.commit(writes);
  await saveSnapshot({ dataDir }, join(folder, "one"), facts);
  await first.close();
  const etcd = await startEtcd();
  try {
    const location = { etcdEndpoints: [etcd.endpoint] };
    await restoreSnapshot(location, join(folder, "one"), "old");
    await assert.rejects(restoreSnapshot(location, join(folder, "one"), "old"), /into an empty store only/);
    const store = await openEtcdStore({ endpoints: [etcd.endpoint] });
    assert.equal((await store.range({ prefix: "/k/" })).entries.length, 750);
    await store.close();
    const { entries } = await saveSnapshot(location, join(folder, "two"), facts);
    assert.equal(entries, 750);
  } finally {
    await etcd.stop();
  }
  await restoreSnapshot({ dataDir }, join(folder, "two"), "old");
  const last = await openLmdbStore({ path: dataDir });
  const { entries } = await last.range({ prefix: "/k/" });
  assert.deepEqual(
    entries.map(({ value }) => Number(Buffer.from(value).toString())).toSorted((a, b) => a - b),
    Array.from({ length: 750 }, (_, i) => i),
  );
  await last.close();
  await rm(folder, { recursive: true });
});
