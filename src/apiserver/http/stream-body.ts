/** What both protocols share: bodies read and written through Node streams. @module */
import type { Readable, Writable } from "node:stream";
import { badRequest } from "#apimachinery";
import type { BodyWriter } from "./exchange.ts";

/** The whole body; undefined when it is larger than `bytesMax` (then the rest is thrown away unread). */
export function readAll(
  stream: Readable,
  bytesMax: number,
  announced: string | undefined,
): Promise<Uint8Array | undefined> {
  if (announced !== undefined && Number(announced) > bytesMax) {
    stream.resume();
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else resolve(undefined);
    });
    stream.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    stream.on("error", reject);
    stream.on("close", () => {
      // Also comes after the end, when nobody listens any more.
      if (!stream.readableEnded) reject(badRequest("the client went away while its request was read"));
    });
  });
}

export function bodyWriter(stream: Writable, abort: () => void): BodyWriter {
  const isGone = (): boolean => stream.destroyed || stream.writableEnded;
  return {
    write: (chunk) => isGone() || stream.write(chunk),
    writeShared: (chunk) => isGone() || stream.write(chunk),
    drained: () =>
      new Promise((resolve) => {
        if (isGone() || !stream.writableNeedDrain) return resolve();
        const done = (): void => {
          stream.removeListener("drain", done);
          stream.removeListener("close", done);
          resolve();
        };
        stream.on("drain", done);
        stream.on("close", done);
      }),
    onDrain: (callback) => void stream.once("drain", callback),
    get isGone() {
      return isGone();
    },
    end: () => void stream.end(),
    abort,
  };
}
