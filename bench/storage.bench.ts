/**
 * Durable puts into the default store, 1 writer and 200, next to what the disk and lmdb itself do.
 *
 * The sketch: a put of 3 KB is one B-tree insertion (3 µs in lmdb's thread) and its share of one flush (200 µs).
 * One writer pays the whole flush, so the limit is fdatasync; 200 share it, so the limit is raw lmdb.
 * @module
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { bench, report } from "#bench";
import { openLmdbStore } from "#storage";

const VALUE = Buffer.alloc(3_000, 7);
const WRITERS = 200;
const PER_WRITER = 5;
const SINGLE = 50;

const scratch = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
let next = 0;
const key = (): string => `/registry/pods/default/pod-${next++}`;

const file = openSync(join(scratch, "file"), "w");
const flush = await bench({
  name: "storage: limit: fdatasync of 3 KB",
  operations: SINGLE,
  run: () => {
    for (let i = 0; i < SINGLE; i++) {
      writeSync(file, VALUE);
      fdatasyncSync(file);
    }
  },
});
closeSync(file);

const raw = open({
  path: join(scratch, "raw"),
  overlappingSync: false,
  encoding: "binary",
  mapSize: 2 ** 34,
});
const limit = await puts("storage: limit: raw lmdb", async () => void (await raw.put(key(), VALUE)));
await raw.close();

const store = await openLmdbStore({ path: join(scratch, "store") });
const ours = await puts("storage: durable put", async () => {
  await store.commit([{ key: key(), value: VALUE, ifRevision: 0 }]);
});
await store.close();
rmSync(scratch, { recursive: true });

perSecond("storage: durable puts, 1 writer", ours.one, flush, "fdatasync of 3 KB");
perSecond("storage: durable puts, 1 writer, against lmdb", ours.one, limit.one, "raw lmdb, 1 writer");
perSecond(`storage: durable puts, ${WRITERS} writers`, ours.many, limit.many, `raw lmdb, ${WRITERS} writers`);

async function puts(name: string, put: () => Promise<void>): Promise<{ one: number; many: number }> {
  const writer = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await put();
  };
  return {
    one: await bench({ name: `${name}, 1 writer`, operations: SINGLE, run: () => writer(SINGLE) }),
    many: await bench({
      name: `${name}, ${WRITERS} writers`,
      operations: WRITERS * PER_WRITER,
      run: async () => {
        await Promise.all(Array.from({ length: WRITERS }, () => writer(PER_WRITER)));
      },
    }),
  };
}

function perSecond(name: string, ns: number, limitNs: number, limitName: string): void {
  report({ name, value: 1e9 / ns, unit: "/s", limit: { value: 1e9 / limitNs, name: limitName }, runs: 30 });
}
