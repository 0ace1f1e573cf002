/** Commits until it is killed; run in a process of its own by the kill -9 test. @module */
import { openLmdbStore } from "../lmdb-store.ts";

/** Prints `key revision` of every acknowledged write. */
export async function commitForever(path: string): Promise<void> {
  const store = await openLmdbStore({ path });
  const value = Buffer.alloc(1_000, 1);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (;;) {
      const key = `/k/${next++}`;
      const revision = await store.commit([{ key, value, ifRevision: 0 }]);
      process.stdout.write(`${key} ${revision}\n`);
    }
  };
  await Promise.all(Array.from({ length: 20 }, writer));
}
