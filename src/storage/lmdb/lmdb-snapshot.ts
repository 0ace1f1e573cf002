/** Reading an LMDB store that another process writes, and making one from a snapshot. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { open } from "lmdb";
import type { SnapshotSource } from "../snapshot/snapshot-file.ts";
import type { Entry, Revision } from "../store.ts";
import { META_SIZE, openEnvironment, type MetaKey } from "./environment.ts";
import { lockFile } from "./lock-file.ts";

const SLICE_ENTRIES = 500;

export interface LmdbSnapshot extends SnapshotSource, AsyncDisposable {}

/** One read transaction: it sees one state, however long it takes and whatever is written meanwhile. */
export async function openLmdbSnapshot(path: string): Promise<LmdbSnapshot> {
  const file = join(path, "store.mdb");
  if (!existsSync(file)) throw new Error(`there is no store in ${path}`);
  const root = open({ path: file, noSubdir: true, readOnly: true, encoding: "binary", maxDbs: 8 });
  const data = root.openDB<Buffer, string>({ name: "data", encoding: "binary", useVersions: true });
  const meta = root.openDB<number, MetaKey>({ name: "meta", encoding: "json" });
  const transaction = root.useReadTransaction();
  const revision = meta.get("revision", { transaction }) ?? 0;
  async function* entries(): AsyncGenerator<readonly Entry[], void> {
    let slice: Entry[] = [];
    for (const { key, value, version } of data.getRange({ transaction, versions: true, snapshot: false })) {
      slice.push({ key, value: Buffer.from(value), revision: version! });
      if (slice.length < SLICE_ENTRIES) continue;
      yield slice;
      slice = [];
      await setImmediate();
    }
    if (slice.length > 0) yield slice;
  }
  return {
    revision,
    entries: entries(),
    async [Symbol.asyncDispose]() {
      transaction.done();
      await root.close();
    },
  };
}

/** Latest revision of the store in `path`; 0 when there is none. */
export async function lmdbRevision(path: string): Promise<Revision> {
  if (!existsSync(join(path, "store.mdb"))) return 0;
  await using snapshot = await openLmdbSnapshot(path);
  return snapshot.revision;
}

/**
 * Makes a store in the new folder `path`. Its history begins at `revision`, which must be later than any that a client
 * has seen of the store it replaces: then all of them begin anew.
 */
export async function createLmdbStore(
  path: string,
  entries: AsyncIterable<readonly Entry[]>,
  revision: Revision,
): Promise<void> {
  const env = await openEnvironment(path);
  try {
    for await (const slice of entries) {
      const bytes = slice.reduce((sum, { value }) => sum + value.byteLength, 0);
      await env.write({ writes: slice.length, bytes }, () => {
        for (const entry of slice) void env.data.put(entry.key, Buffer.from(entry.value), entry.revision);
      });
    }
    await env.write(META_SIZE, () => {
      void env.meta.put("compacted", revision);
      void env.meta.put("revision", revision);
    });
  } finally {
    await env.close();
  }
}

/** Keeps every process from opening the store until the returned function is called. Throws when one has it open. */
export function lockLmdbStore(path: string): () => void {
  return lockFile(join(path, "lock"));
}
