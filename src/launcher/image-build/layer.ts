/** Entries → one layer: a tar whose bytes depend on nothing but its files. @module */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack, type Pack } from "tar-stream";
import { MEDIA_TYPES, type Layer } from "#cri";
import type { TreeEntry } from "./file-tree.ts";

/** Writes the compressed layer to `path`. */
export async function writeLayer(
  entries: readonly TreeEntry[],
  path: string,
  signal: AbortSignal,
): Promise<Layer> {
  const archive = pack();
  const plain = digester();
  const compressed = digester();
  const writing = pipeline(archive, plain.stream, createGzip(), compressed.stream, createWriteStream(path), {
    signal,
  });
  const filling = fill(archive, entries);
  filling.catch((err: unknown) => archive.destroy(err as Error));
  await Promise.all([writing, filling]);
  const { digest, size } = compressed.result();
  return {
    descriptor: { mediaType: MEDIA_TYPES.layerGzip, digest, size },
    diffId: plain.result().digest,
    content: { path },
  };
}

async function fill(archive: Pack, entries: readonly TreeEntry[]): Promise<void> {
  for (const { path, type, mode, uid, gid, linkname, source } of entries) {
    // Times of the build machine would make every build another image.
    const header = { name: path.slice(1), type, mode, uid, gid, mtime: new Date(0) };
    if (type === "file" && source !== undefined)
      await pipeline(createReadStream(source.path), archive.entry({ ...header, size: source.size }));
    else archive.entry(linkname === undefined ? header : { ...header, linkname });
  }
  archive.finalize();
}

interface Digester {
  readonly stream: Transform;
  result(): { readonly digest: string; readonly size: number };
}

function digester(): Digester {
  const hash = createHash("sha256");
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(undefined, chunk);
    },
  });
  let digest: string | undefined;
  return { stream, result: () => ({ digest: (digest ??= `sha256:${hash.digest("hex")}`), size }) };
}
