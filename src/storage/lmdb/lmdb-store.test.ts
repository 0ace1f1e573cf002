import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { storeConformance, take } from "../conformance.ts";
import { Compacted, type Write } from "../store.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { commitForever } from "./testdata/commit-forever.ts";
import { fillDisk, type FullDisk } from "./testdata/fill-disk.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-lmdb-"));
after(() => rmSync(scratch, { recursive: true }));
let count = 0;
const fresh = (): string => join(scratch, `${count++}`);
/** Arguments of a node that calls an exported function of a module with one argument. */
const call = (module: string, name: string, argument: string): string[] => [
  "-e",
  `import(${JSON.stringify(join(import.meta.dirname, "testdata", module))}).then((m) => m.${name}(process.argv[1]))`,
  argument,
];
const put = (key: string, ifRevision = 0): Write => ({ key, value: Buffer.from(key), ifRevision });

storeConformance("lmdb", () => openLmdbStore({ path: fresh() }));
storeConformance("lmdb, everything from disk", () => openLmdbStore({ path: fresh(), recentMax: 0 }));

test("openLmdbStore() finds everything again, and watches go on from before the restart", async () => {
  const path = fresh();
  let store = await openLmdbStore({ path });
  const first = await store.commit([put("/a")]);
  const second = await store.commit([put("/a", first), put("/b")]);
  await store.commit([{ key: "/b", value: undefined, ifRevision: second }]);
  await store.close();
  store = await openLmdbStore({ path });
  assert.equal(await store.revision(), second + 1);
  const changes = await take(3, store.watch("/", first, new AbortController().signal));
  assert.deepEqual(
    changes.map((c) => [c.key, c.revision, c.previous?.revision, c.value === undefined]),
    [
      ["/a", second, first, false],
      ["/b", second, undefined, false],
      ["/b", second + 1, second, true],
    ],
  );
  assert.equal(await store.commit([put("/c")]), second + 2);
  await store.compact(second + 1);
  await store.close();
  store = await openLmdbStore({ path });
  await assert.rejects(take(1, store.watch("/", second, new AbortController().signal)), Compacted);
  await store.close();
});

test("openLmdbStore() refuses a store that another process has open", async () => {
  const path = fresh();
  const store = await openLmdbStore({ path });
  await assert.rejects(openLmdbStore({ path }), /held by process/);
  await store.close();
  await (await openLmdbStore({ path })).close();
});

test("commit() keeps every acknowledged write through kill -9", async () => {
  const path = fresh();
  const args = call("commit-forever.ts", commitForever.name, path);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<string, number>();
  for await (const line of createInterface(child.stdout)) {
    const [key, revision] = line.split(" ");
    acknowledged.set(key!, Number(revision));
    if (acknowledged.size === 500) child.kill("SIGKILL");
  }
  if (child.signalCode === null) await once(child, "exit");
  const store = await openLmdbStore({ path });
  for (const [key, revision] of acknowledged) assert.equal((await store.get(key))?.revision, revision);
  const highest = Math.max(...acknowledged.values());
  assert.ok((await store.revision()) >= highest);
  assert.ok((await store.commit([put("/after")])) > highest);
  await store.close();
});

test("commit() on a full disk fails clearly, applies nothing, and works again once there is space", async (t) => {
  if (process.getuid?.() !== 0 || process.platform !== "linux")
    return t.skip("needs root on Linux: it mounts a small file system in a namespace of its own");
  const disk = mkdtempSync(join(scratch, "disk-"));
  const mount = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"';
  const node = [process.execPath, ...call("fill-disk.ts", fillDisk.name, disk)];
  const { stdout, stderr } = await promisify(execFile)("unshare", [
    "--mount",
    "sh",
    "-c",
    mount,
    disk,
    ...node,
  ]);
  // LMDB does not survive every write of its own that fails: it must not come to one
  assert.equal(stderr, "");
  const { errors, before, after: later, revision, refusals, taken, next } = JSON.parse(stdout) as FullDisk;
  assert.deepEqual(errors, ["StorageFull", "StorageFull"]);
  assert.deepEqual([later, revision, next], [before, before / 20, before / 20 + 1]);
  assert.deepEqual(refusals, { StorageFull: 50 });
  assert.equal(taken, 0);
});

test("openLmdbStore() leaves no hole in what LMDB maps into memory and writes to", async () => {
  const path = fresh();
  const store = await openLmdbStore({ path });
  const { size, blocks } = statSync(join(path, "store.mdb-lock"));
  assert.ok(blocks * 512 >= size, `${blocks * 512} of ${size} bytes are on the disk`);
  await store.close();
});
