/**
 * The LMDB environment and its tables. Every value is written once as the current one, and once more when another
 * replaces it while history is kept.
 * @module
 */
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getLastVersion, open, type Database, type RootDatabase, type Transaction } from "lmdb";
import { StorageFull, type Change, type Entry, type Revision } from "../store.ts";
import { DiskReserve, type WriteSize } from "./disk-reserve.ts";
import { lockFile } from "./lock-file.ts";
import { encodeLogRecord } from "./log-record.ts";

/** Address space reserved at first; LMDB maps more as the file grows. */
const MAP_BYTES = 2 ** 34;
/** Less free space than this explains a failed write. */
const FREE_BYTES_MIN = 2 ** 20;
const FORMAT = 1;
/** Of LMDB's table of readers, for more of them than it admits. */
const READERS_BYTES = 16_384;
const NO_SPACE = new Set(["ENOSPC", "EDQUOT"]);
/** One small value. */
export const META_SIZE: WriteSize = { writes: 1, bytes: 0 };

export interface Environment {
  /** key → value; the version is the revision of the last write. */
  readonly data: Database<Buffer, string>;
  /** [key, revision of the change] → the value before it, whose revision is the version. Nothing for creations. */
  readonly history: Database<Buffer, [string, Revision]>;
  /** last revision of a transaction → `encodeLogRecord` of its changes. */
  readonly log: Database<Buffer, Revision>;
  readonly meta: Database<number, MetaKey>;
  snapshot(): Transaction;
  /** Runs puts and removes as one transaction; resolves when it is on disk, throws when none of it happened. One after the other. */
  write(size: WriteSize, writes: () => void): Promise<void>;
  close(): Promise<void>;
}

export type MetaKey = "format" | "revision" | "compacted";

export async function openEnvironment(path: string): Promise<Environment> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const unlock = lockFile(join(path, "lock"));
  try {
    reserveReaders(join(path, "store.mdb-lock"));
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
    const env = tables(path, root, await reserveOf(path, root), unlock);
    await checkFormat(path, env).catch(async (error: unknown) => {
      await env.close();
      throw error;
    });
    return env;
  } catch (error) {
    unlock();
    throw error;
  }
}

async function checkFormat(path: string, env: Environment): Promise<void> {
  const format = env.meta.get("format");
  if (format === undefined) await env.write(META_SIZE, () => void env.meta.put("format", FORMAT));
  else if (format !== FORMAT) throw new Error(`${path} has format ${format}, this version reads ${FORMAT}`);
}

/** LMDB maps the table into memory and leaves it a hole, which on a full disk nobody can write to: the process would die. */
function reserveReaders(path: string): void {
  if (existsSync(path)) return;
  try {
    writeFileSync(path, Buffer.alloc(READERS_BYTES), { mode: 0o600 });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function reserveOf(path: string, root: RootDatabase): Promise<DiskReserve> {
  interface Stats {
    readonly root: { readonly pageSize: number };
    readonly lastPageNumber: number;
  }
  const stats = (): Stats => root.getStats() as Stats;
  return DiskReserve.open(join(path, "store.mdb"), stats().root.pageSize, () => stats().lastPageNumber);
}

function tables(path: string, root: RootDatabase, reserve: DiskReserve, unlock: () => void): Environment {
  let last: Promise<void> = Promise.resolve();
  return {
    data: root.openDB({ name: "data", encoding: "binary", useVersions: true }),
    history: root.openDB({ name: "history", encoding: "binary", useVersions: true }),
    log: root.openDB({ name: "log", encoding: "binary" }),
    meta: root.openDB({ name: "meta", encoding: "json" }),
    snapshot: () => root.useReadTransaction(),
    write(size, writes) {
      const written = last.then(() => write({ path, root, reserve }, size, writes));
      last = written.catch(() => {}); // its caller is told
      return written;
    },
    async close() {
      await last;
      await root.close();
      await reserve.close();
      unlock();
    },
  };
}

/** Puts the changes of a transaction into the tables. */
export function writeChanges(env: Environment, changes: readonly Change[]): Promise<void> {
  const log = buffer(encodeLogRecord(changes));
  // each change writes the current value and the one before it; the log and the revision are two more writes
  const size = { writes: 2 * changes.length + 2, bytes: log.length };
  for (const { value, previous } of changes)
    size.bytes += (value?.byteLength ?? 0) + (previous?.value.byteLength ?? 0);
  return env.write(size, () => putChanges(env, changes, log));
}

function putChanges(env: Environment, changes: readonly Change[], log: Buffer): void {
  const { revision } = changes.at(-1)!;
  for (const { key, value, previous, revision: at } of changes) {
    if (previous !== undefined) void env.history.put([key, at], buffer(previous.value), previous.revision);
    if (value === undefined) void env.data.remove(key);
    else void env.data.put(key, buffer(value), at);
  }
  void env.log.put(revision, log);
  void env.meta.put("revision", revision);
}

export function getEntry(env: Environment, key: string, transaction?: Transaction): Entry | undefined {
  const found = env.data.getEntry(key, transaction && { transaction });
  return found && { key, value: found.value, revision: found.version! };
}

/** Of the last write to the key; undefined: there is no such key. Copies no value. */
export function revisionOf(env: Environment, key: string): Revision | undefined {
  return env.data.getBinaryFast(key) === undefined ? undefined : getLastVersion();
}

interface WriteParts {
  readonly path: string;
  readonly root: RootDatabase;
  readonly reserve: DiskReserve;
}

async function write(
  { path, root, reserve }: WriteParts,
  size: WriteSize,
  writes: () => void,
): Promise<void> {
  try {
    await reserve.take(size);
  } catch (cause) {
    throw failure(path, cause, NO_SPACE.has((cause as NodeJS.ErrnoException).code ?? ""));
  }
  try {
    await root.batch(writes);
  } catch (error) {
    const { bavail, bsize } = statfsSync(path);
    throw failure(path, await reasonOf(error), bavail * bsize < FREE_BYTES_MIN);
  }
}

function failure(path: string, cause: unknown, isFull: boolean): Error {
  return isFull
    ? new StorageFull(`cannot write to ${path}: no space left on device`, { cause })
    : new Error(`cannot write to ${path}: ${String(cause)}`, { cause });
}

/** lmdb hides the reason in a promise on the error. */
function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  return Promise.resolve(commitError).then(
    () => error,
    (reason: unknown) => reason,
  );
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
