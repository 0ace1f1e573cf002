/** containerd's content store as a sink for blobs, under a lease that keeps them until an image refers to them. @module */
import { RuntimeError, runtimeErrorCode } from "../errors.ts";
import type { BlobSink } from "../oci/archive-reader.ts";
import { isIndex, type Descriptor } from "../oci/image.ts";
import type { Connection } from "./connection.ts";
import { containerdContent, containerdLeases } from "./wire/containerd-tables.ts";
import { createSchema } from "./wire/schema.ts";

/** CRI keeps everything of its own here. */
export const CONTAINERD_NAMESPACE = "k8s.io";
/** With as much again in one piece, still well below the 16 MiB that containerd takes in a message. */
const CHUNK_BYTES = 1024 * 1024;
const CALL_TIMEOUT_MS = 60_000;
/** Should the importer die: containerd drops the lease, and what only it kept. */
const LEASE_LIFETIME_MS = 24 * 3600_000;

const content = createSchema(containerdContent);
const leases = createSchema(containerdLeases);

export interface ContentStore extends BlobSink, AsyncDisposable {}

/** `leaseId` must be new. Disposing ends the lease. */
export async function openContentStore(
  connection: Connection,
  leaseId: string,
  now: number,
  signal: AbortSignal,
): Promise<ContentStore> {
  const inNamespace = { "containerd-namespace": CONTAINERD_NAMESPACE };
  const headers = { ...inNamespace, "containerd-lease": leaseId };
  const expiry = new Date(now + LEASE_LIFETIME_MS).toISOString();
  const lease = { id: leaseId, labels: { "containerd.io/gc.expire": expiry } };
  const deadlineMs = CALL_TIMEOUT_MS;
  await connection.unary(leases.method("Leases", "Create"), lease, {
    signal,
    headers: inNamespace,
    deadlineMs,
  });
  return {
    write: (bytes, size, digest) => writeBlob(connection, leaseId, headers, { bytes, size, digest }, signal),
    link: async (blob, parts) => {
      const labels = gcLabels(parts);
      const updateMask = { paths: Object.keys(labels).map((label) => `labels.${label}`) };
      const request = { info: { digest: blob.digest, labels }, updateMask };
      await connection.unary(content.method("Content", "Update"), request, { signal, headers, deadlineMs });
    },
    async [Symbol.asyncDispose]() {
      // The caller's signal may be what ended the import: the lease goes all the same.
      const settings = { signal: new AbortController().signal, headers: inNamespace, deadlineMs };
      const request = { id: leaseId, sync: false };
      await connection.unary(leases.method("Leases", "Delete"), request, settings).catch(ignoreGone);
    },
  };
}

/** Labels by which containerd's garbage collector finds the parts of a manifest or index. */
function gcLabels(parts: readonly Descriptor[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const isManifest = isIndex(part.mediaType) || /manifest/.test(part.mediaType);
    const kind = isManifest ? `m.${i}` : /config|image\.v1\+json/.test(part.mediaType) ? "config" : `l.${i}`;
    labels[`containerd.io/gc.ref.content.${kind}`] = part.digest;
  }
  return labels;
}

interface Blob {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly size: number;
  readonly digest: string | undefined;
}

async function writeBlob(
  connection: Connection,
  leaseId: string,
  headers: Readonly<Record<string, string>>,
  { bytes, size, digest }: Blob,
  signal: AbortSignal,
): Promise<string> {
  const call = connection.duplex(content.method("Content", "Write"), { signal, headers });
  const answers = call.responses[Symbol.asyncIterator]();
  // One writer per ref at a time: the name holds what is unique to this import.
  const ref = `k8ts-import-${leaseId}-${digest ?? "unnamed"}`;
  const fixed = { ref, total: size, ...(digest !== undefined && { expected: digest }) };
  let stored: string | undefined;
  try {
    let offset = 0;
    for await (const chunk of slices(bytes)) {
      // After a failure (the blob is there already) the source is still read to its end: more follows it.
      if (stored !== undefined) continue;
      const next = { action: "WRITE", ...fixed, offset, data: chunk };
      stored = await exchange(call.write(next), answers, digest);
      offset += chunk.length;
    }
    stored ??= await exchange(call.write({ action: "COMMIT", ...fixed, offset }), answers, digest);
    call.end();
    if (stored === undefined) throw new RuntimeError("Internal", `containerd did not commit ${ref}`);
    return stored;
  } finally {
    await answers.return?.();
  }
}

interface WriteAnswer {
  readonly action: string;
  readonly digest: string;
}

/** Undefined to go on, else the digest under which the blob is there. */
async function exchange(
  writing: Promise<void>,
  answers: AsyncIterator<object>,
  expected: string | undefined,
): Promise<string | undefined> {
  try {
    // A refused write fails as well, with less to say: the answer tells why.
    const [answer] = await Promise.all([answers.next(), writing.catch(() => {})]);
    const { action, digest } = (answer.value ?? {}) as Partial<WriteAnswer>;
    return action === "COMMIT" ? digest : undefined;
  } catch (err) {
    if (runtimeErrorCode(err) === "AlreadyExists" && expected !== undefined) return expected;
    throw err;
  }
}

/** Pieces of about `CHUNK_BYTES`: each one is a round trip. */
async function* slices(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const part of bytes)
    for (let at = 0; at < part.length; at += CHUNK_BYTES) {
      const slice = part.subarray(at, at + CHUNK_BYTES);
      waiting.push(slice);
      size += slice.length;
      if (size < CHUNK_BYTES) continue;
      yield Buffer.concat(waiting);
      waiting = [];
      size = 0;
    }
  if (size > 0) yield Buffer.concat(waiting);
}

function ignoreGone(err: unknown): void {
  if (runtimeErrorCode(err) !== "NotFound") throw err;
}
