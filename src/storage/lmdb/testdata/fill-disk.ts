/** Fills a small disk, frees space, and tells what the store did; run in a mount namespace by the full disk test. @module */
import { closeSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../store.ts";
import { openLmdbStore } from "../lmdb-store.ts";

const value = Buffer.alloc(10_000, 1);
const large = Buffer.alloc(3 * 2 ** 20, 1);

export interface FullDisk {
  /** What ended the filling, the first and the second time. */
  readonly errors: readonly string[];
  readonly before: number;
  readonly after: number;
  readonly revision: number;
  /** What became of large commits while another program has taken the rest of the disk. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Bytes that a refused commit took from the disk. */
  readonly taken: number;
  readonly next: number;
}

/** Prints its findings as JSON. What LMDB has to say itself goes to standard error. */
export async function fillDisk(disk: string): Promise<void> {
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(2 * 2 ** 20));
  const store = await openLmdbStore({ path: join(disk, "store") });
  const error = await fill(store);
  const before = (await store.range({ prefix: "/k/" })).entries.length;
  const second = await fill(store);
  const after = (await store.range({ prefix: "/k/" })).entries.length;
  const revision = await store.revision();
  rmSync(ballast);
  const room = freeBytes(disk);
  await outcome(store);
  const taken = room - freeBytes(disk);
  fillRest(ballast);
  const refusals = Object.groupBy(
    await Promise.all(Array.from({ length: 50 }, () => outcome(store))),
    String,
  );
  rmSync(ballast);
  const next = await store.commit([{ key: "/again", value, ifRevision: 0 }]);
  await store.close();
  const counts = Object.fromEntries(Object.entries(refusals).map(([name, all]) => [name, all!.length]));
  const found: FullDisk = {
    errors: [error, second],
    before,
    after,
    revision,
    refusals: counts,
    taken,
    next,
  };
  console.log(JSON.stringify(found));
}

/** The name of the error that ended it. */
async function fill(store: Store): Promise<string> {
  for (let i = await store.revision(); ; i++)
    try {
      const keys = Array.from({ length: 20 }, (_, j) => `/k/${i}/${j}`);
      await store.commit(keys.map((key) => ({ key, value, ifRevision: 0 })));
    } catch (error) {
      return (error as Error).name;
    }
}

async function outcome(store: Store): Promise<string> {
  return store.commit([{ key: "/large", value: large, ifRevision: 0 }]).then(
    () => "written",
    (error: Error) => error.name,
  );
}

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

/** To the last byte. */
function fillRest(path: string): void {
  const file = openSync(path, "w");
  const zeros = Buffer.alloc(65_536);
  try {
    for (;;) writeSync(file, zeros);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
