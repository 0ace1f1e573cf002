/**
 * The LMDB environment and its tables. Every value is written once as the current one, and once more when another
 * replaces it while history is kept.
 * @module
 */
import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { open, type Database, type RootDatabase, type Transaction } from "lmdb";
import { StorageFull, type Change, type Entry, type Revision } from "../store.ts";
import { lockFile } from "./lock-file.ts";
import { encodeLogRecord } from "./log-record.ts";

/** Address space reserved at first; LMDB maps more as the file grows. */
const MAP_BYTES = 2 ** 34;
/** Less free space than this explains a failed write. */
const FREE_BYTES_MIN = 2 ** 20;
const FORMAT = 1;

export interface Environment {
  /** key → value; the version is the revision of the last write. */
  readonly data: Database<Buffer, string>;
  /** [key, revision of the change] → the value before it, whose revision is the version. Nothing for creations. */
  readonly history: Database<Buffer, [string, Revision]>;
  /** last revision of a transaction → `encodeLogRecord` of its changes. */
  readonly log: Database<Buffer, Revision>;
  readonly meta: Database<number, MetaKey>;
  snapshot(): Transaction;
  /** Runs puts and removes as one transaction; resolves when it is on disk, throws when none of it happened. */
  write(writes: () => void): Promise<void>;
  close(): Promise<void>;
}

export type MetaKey = "format" | "revision" | "compacted";

export async function openEnvironment(path: string): Promise<Environment> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const unlock = lockFile(join(path, "lock"));
  try {
    const root = open({
      path: join(path, "store.mdb"),
      noSubdir: true,
      // What readers see is on disk already, and a failed flush fails the transaction it belongs to.
      overlappingSync: false,
      // Transactions are formed by `write` alone.
      eventTurnBatching: false,
      encoding: "binary",
      mapSize: MAP_BYTES,
      maxDbs: 8,
    });
    const env = tables(path, root, unlock);
    const format = env.meta.get("format");
    if (format === undefined) await env.write(() => void env.meta.put("format", FORMAT));
    else if (format !== FORMAT) throw new Error(`${path} has format ${format}, this version reads ${FORMAT}`);
    return env;
  } catch (error) {
    unlock();
    throw error;
  }
}

function tables(path: string, root: RootDatabase, unlock: () => void): Environment {
  return {
    data: root.openDB({ name: "data", encoding: "binary", useVersions: true }),
    history: root.openDB({ name: "history", encoding: "binary", useVersions: true }),
    log: root.openDB({ name: "log", encoding: "binary" }),
    meta: root.openDB({ name: "meta", encoding: "json" }),
    snapshot: () => root.useReadTransaction(),
    write: (writes) => write(path, root, writes),
    async close() {
      await root.close();
      unlock();
    },
  };
}

/** Puts the changes of a transaction into the tables; to be called within `write`. */
export function putChanges(env: Environment, changes: readonly Change[]): void {
  const { revision } = changes.at(-1)!;
  for (const { key, value, previous, revision: at } of changes) {
    if (previous !== undefined) void env.history.put([key, at], buffer(previous.value), previous.revision);
    if (value === undefined) void env.data.remove(key);
    else void env.data.put(key, buffer(value), at);
  }
  void env.log.put(revision, buffer(encodeLogRecord(changes)));
  void env.meta.put("revision", revision);
}

export function getEntry(env: Environment, key: string, transaction?: Transaction): Entry | undefined {
  const found = env.data.getEntry(key, transaction && { transaction });
  return found && { key, value: found.value, revision: found.version! };
}

async function write(path: string, root: RootDatabase, writes: () => void): Promise<void> {
  try {
    await root.batch(writes);
  } catch (error) {
    throw await explain(path, error);
  }
}

async function explain(path: string, error: unknown): Promise<Error> {
  // lmdb hides the reason in a promise on the error.
  const { commitError } = error as { commitError?: Promise<unknown> };
  const cause = await Promise.resolve(commitError).then(
    () => error,
    (reason: unknown) => reason,
  );
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize < FREE_BYTES_MIN
    ? new StorageFull(`cannot write to ${path}: no space left on device`, { cause })
    : new Error(`cannot write to ${path}: ${String(cause)}`, { cause });
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
