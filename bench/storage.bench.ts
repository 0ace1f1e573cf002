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
import { bench } from "#bench";
import { openLmdbStore } from "#storage";

const VALUE = Buffer.alloc(3_000, 7);
const WRITERS = 200;
const PER_WRITER = 5;
const SINGLE = 50;

const scratch = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
let next = 0;
const key = (): string => `/registry/pods/default/pod-${next++}`;

const file = openSync(join(scratch, "file"), "w");
const flush = await measure("storage: limit: fdatasync of 3 KB", SINGLE, async () => {
  for (let i = 0; i < SINGLE; i++) {
    writeSync(file, VALUE);
    fdatasyncSync(file);
  }
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
const ours = await puts("storage: durable puts", async () => {
  await store.commit([{ key: key(), value: VALUE, ifRevision: 0 }]);
});
await store.close();
rmSync(scratch, { recursive: true });

for (const [name, value, of] of [
  ["storage: 1 writer, share of fdatasync", ours.one, flush],
  ["storage: 1 writer, share of raw lmdb", ours.one, limit.one],
  [`storage: ${WRITERS} writers, share of raw lmdb`, ours.many, limit.many],
] as const)
  console.log(
    JSON.stringify({
      name,
      perSecond: Math.round(1e9 / value),
      limitPerSecond: Math.round(1e9 / of),
      ratio: +(of / value).toFixed(2),
    }),
  );

async function puts(name: string, put: () => Promise<void>): Promise<{ one: number; many: number }> {
  const writer = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await put();
  };
  return {
    one: await measure(`${name}, 1 writer`, SINGLE, () => writer(SINGLE)),
    many: await measure(`${name}, ${WRITERS} writers`, WRITERS * PER_WRITER, async () => {
      await Promise.all(Array.from({ length: WRITERS }, () => writer(PER_WRITER)));
    }),
  };
}

/** Runs the benchmark; the median nanoseconds of an operation, for the ratios. */
async function measure(name: string, operations: number, run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  await bench({
    name,
    operations,
    async run() {
      const start = process.hrtime.bigint();
      await run();
      times.push(Number(process.hrtime.bigint() - start) / operations);
    },
  });
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}
