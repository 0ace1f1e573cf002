/** Fills a small disk, frees space, and tells what the store did; run in a mount namespace by the full disk test. @module */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../store.ts";
import { openLmdbStore } from "../lmdb-store.ts";

const value = Buffer.alloc(10_000, 1);

/** Prints its findings as JSON. */
export async function fillDisk(disk: string): Promise<void> {
  // lmdb itself prints the failures it meets.
  console.error = () => {};
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(2 * 2 ** 20));
  const store = await openLmdbStore({ path: join(disk, "store") });
  const error = await fill(store);
  const before = (await store.range({ prefix: "/k/" })).entries.length;
  const second = await fill(store);
  const after = (await store.range({ prefix: "/k/" })).entries.length;
  const revision = await store.revision();
  rmSync(ballast);
  const next = await store.commit([{ key: "/again", value, ifRevision: 0 }]);
  await store.close();
  console.log(JSON.stringify({ errors: [error, second], before, after, revision, next }));
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
