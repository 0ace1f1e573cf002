/** A finished document, kept compressed: most clients want it so, and it is a tenth of the size. @module */
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { createGzip, gunzip } from "node:zlib";
import { yieldToLoop } from "../watchcache/watch-cache.ts";

const expand = promisify(gunzip);

/** Bytes that are built between two turns of the event loop: a millisecond of work, and a few when the code is new. */
const TURN_BYTES_MAX = 16 * 1024;

export interface PackedDocument {
  readonly gzip: Uint8Array;
  /** Of the document before it was compressed. */
  readonly bytes: number;
}

/** What was expanded last of each, for as long as memory is not wanted for something else. */
const expanded = new WeakMap<PackedDocument, WeakRef<Uint8Array>>();

/** Compresses piece by piece, letting others have their turn in between: the whole document is never in memory. */
export async function packDocument(
  pieces: AsyncIterable<string | Uint8Array> | Iterable<Uint8Array>,
): Promise<PackedDocument> {
  const gzip = createGzip();
  const packed = buffer(gzip);
  let total = 0;
  let turn: Uint8Array[] = [];
  let turnBytes = 0;
  const flush = async (): Promise<void> => {
    const isTaken = gzip.write(Buffer.concat(turn));
    turn = [];
    turnBytes = 0;
    if (isTaken) await yieldToLoop();
    else await once(gzip, "drain");
  };
  try {
    for await (const piece of pieces) {
      const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
      turn.push(chunk);
      total += chunk.length;
      turnBytes += chunk.length;
      if (turnBytes >= TURN_BYTES_MAX) await flush();
    }
  } catch (err) {
    packed.catch(() => {}); // the cause is what is told
    gzip.destroy();
    throw err;
  }
  gzip.end(Buffer.concat(turn));
  return { gzip: await packed, bytes: total };
}

export async function unpackDocument(document: PackedDocument): Promise<Uint8Array> {
  const known = expanded.get(document)?.deref();
  if (known !== undefined) return known;
  const bytes = await expand(document.gzip);
  expanded.set(document, new WeakRef(bytes));
  return bytes;
}
