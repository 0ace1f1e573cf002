/** A finished document, kept compressed: most clients want it so, and it is a tenth of the size. @module */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { yieldToLoop } from "../watchcache/watch-cache.ts";

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Bytes that are built between two turns of the event loop: about a millisecond of work. */
const TURN_BYTES_MAX = 64 * 1024;

export interface PackedDocument {
  readonly gzip: Uint8Array;
  /** Of the document before it was compressed. */
  readonly bytes: number;
}

/** Collects the pieces, letting others have their turn in between. */
export async function packDocument(
  pieces: AsyncIterable<string | Uint8Array> | Iterable<Uint8Array>,
): Promise<PackedDocument> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  let turn = 0;
  for await (const piece of pieces) {
    const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
    chunks.push(chunk);
    total += chunk.length;
    turn += chunk.length;
    if (turn < TURN_BYTES_MAX) continue;
    turn = 0;
    await yieldToLoop();
  }
  return { gzip: await compress(Buffer.concat(chunks)), bytes: total };
}

export async function unpackDocument({ gzip: bytes }: PackedDocument): Promise<Uint8Array> {
  return expand(bytes);
}
