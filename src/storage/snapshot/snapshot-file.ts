/**
 * The file of a snapshot: what the store held at one revision, and behind it a manifest with a checksum of everything. The
 * same for every backend, so that a cluster may move from one to another.
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { open, rm, type FileHandle } from "node:fs/promises";
import type { Entry, Revision } from "../store.ts";

export interface SnapshotFacts {
  /** Which k8ts wrote it. */
  readonly version: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

export interface SnapshotManifest extends SnapshotFacts {
  readonly format: number;
  readonly revision: Revision;
  readonly entries: number;
  readonly sha256: string;
}

/** The state of a store at one revision. */
export interface SnapshotSource {
  readonly revision: Revision;
  readonly entries: AsyncIterable<readonly Entry[]>;
}

/** The file is not what was written, or no snapshot at all. */
export class SnapshotCorrupt extends Error {
  override readonly name = "SnapshotCorrupt";
}

const FORMAT = 1;
const MAGIC = Buffer.from("k8ts snapshot\n");
/** Lengths of key and value, and the revision. */
const RECORD_HEAD_BYTES = 16;
const TAIL_BYTES = 4 + MAGIC.length;
const MANIFEST_BYTES_MAX = 65_536;
const READ_BYTES = 2 ** 20;
/** An entry larger than this is a broken length, not an entry. */
const ENTRY_BYTES_MAX = 2 ** 30;
/** Entries handed on at once. */
const BATCH_ENTRIES = 500;

/** Complete and on disk when it resolves; a file that could not be completed is removed. Never overwrites. */
export async function writeSnapshot(
  path: string,
  source: SnapshotSource,
  facts: SnapshotFacts,
): Promise<SnapshotManifest> {
  const file = await open(path, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    await put(file, hash, MAGIC);
    let entries = 0;
    for await (const batch of source.entries) {
      await put(file, hash, Buffer.concat(batch.flatMap(record)));
      entries += batch.length;
    }
    const plain = { format: FORMAT, ...facts, revision: source.revision, entries };
    hash.update(JSON.stringify(plain));
    const manifest: SnapshotManifest = { ...plain, sha256: hash.digest("hex") };
    const text = Buffer.from(JSON.stringify(manifest));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    await file.appendFile(Buffer.concat([text, length, MAGIC]));
    await file.sync();
    await file.close();
    return manifest;
  } catch (err) {
    await file.close().catch(() => {});
    await rm(path, { force: true });
    throw err;
  }
}

/** Reads all of it and compares the checksum. Throws `SnapshotCorrupt`. */
export async function verifySnapshot(path: string): Promise<SnapshotManifest> {
  const file = await open(path, "r");
  try {
    const { manifest, end } = await readManifest(path, file);
    const hash = createHash("sha256");
    for (let at = 0; at < end; at += READ_BYTES) {
      hash.update(await readAt(file, at, Math.min(READ_BYTES, end - at)));
    }
    const { sha256, ...plain } = manifest;
    const actual = hash.update(JSON.stringify(plain)).digest("hex");
    if (actual !== sha256)
      throw new SnapshotCorrupt(`${path} is corrupt: its checksum is ${actual}, and ${sha256} was written`);
    return manifest;
  } finally {
    await file.close();
  }
}

/** The entries in order of their keys. To be verified before. */
export async function* readSnapshot(path: string): AsyncGenerator<readonly Entry[], void> {
  const file = await open(path, "r");
  try {
    const { end } = await readManifest(path, file);
    let batch: Entry[] = [];
    for (let at = MAGIC.length; at < end;) {
      const head = await readAt(file, at, RECORD_HEAD_BYTES);
      const [keyBytes, valueBytes] = [head.readUInt32BE(0), head.readUInt32BE(4)];
      if (keyBytes + valueBytes > ENTRY_BYTES_MAX)
        throw new SnapshotCorrupt(`${path} is corrupt at byte ${at}`);
      const body = await readAt(file, at + RECORD_HEAD_BYTES, keyBytes + valueBytes);
      batch.push({
        key: body.toString("utf8", 0, keyBytes),
        value: body.subarray(keyBytes),
        revision: head.readDoubleBE(8),
      });
      at += RECORD_HEAD_BYTES + body.length;
      if (batch.length < BATCH_ENTRIES) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    await file.close();
  }
}

async function put(file: FileHandle, hash: Hash, bytes: Buffer): Promise<void> {
  hash.update(bytes);
  await file.appendFile(bytes);
}

function record({ key, value, revision }: Entry): Uint8Array[] {
  const name = Buffer.from(key);
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt32BE(name.length, 0);
  head.writeUInt32BE(value.byteLength, 4);
  head.writeDoubleBE(revision, 8);
  return [head, name, value];
}

interface Footer {
  readonly manifest: SnapshotManifest;
  /** Where the manifest begins. */
  readonly end: number;
}

async function readManifest(path: string, file: FileHandle): Promise<Footer> {
  const { size } = await file.stat();
  const incomplete = `${path} is no snapshot, or not a complete one`;
  if (size < MAGIC.length + TAIL_BYTES) throw new SnapshotCorrupt(incomplete);
  const tail = await readAt(file, size - TAIL_BYTES, TAIL_BYTES);
  const length = tail.readUInt32BE(0);
  const end = size - TAIL_BYTES - length;
  if (!tail.subarray(4).equals(MAGIC) || length > MANIFEST_BYTES_MAX || end < MAGIC.length)
    throw new SnapshotCorrupt(incomplete);
  const text = (await readAt(file, end, length)).toString();
  let manifest: SnapshotManifest;
  try {
    manifest = JSON.parse(text) as SnapshotManifest;
  } catch (cause) {
    throw new SnapshotCorrupt(`${path} is corrupt: its manifest cannot be read`, { cause });
  }
  if (manifest.format !== FORMAT)
    throw new SnapshotCorrupt(`${path} has format ${manifest.format}; this version reads ${FORMAT}`);
  return { manifest, end };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) throw new SnapshotCorrupt("a snapshot ends in the middle of an entry");
    read += bytesRead;
  }
  return buffer;
}
