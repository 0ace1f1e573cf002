/** A local image as the base of a build: its configuration, its layers as files, and what is in them. @module */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { digestOf, readArchive, type BlobSink, type Descriptor, type ImageConfig, type Layer } from "#cri";
import { ImageBuildError } from "./errors.ts";
import type { FileTree } from "./file-tree.ts";

export interface BaseImage {
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
}

/** Reads the archive into `folder` (one file per blob) and its files' names into `tree`. */
export async function readBaseImage(
  archive: string,
  folder: string,
  tree: FileTree,
  architecture: string,
  signal: AbortSignal,
): Promise<BaseImage> {
  const links = new Map<string, readonly Descriptor[]>();
  const blobPath = (digest: string): string => join(folder, digest.replace(":", "-"));
  let unnamed = 0;
  const sink: BlobSink = {
    async write(content, _size, digest) {
      if (digest === undefined)
        return renameByDigest(content, join(folder, `blob-${unnamed++}`), blobPath, signal);
      await pipeline(Readable.from(content), createWriteStream(blobPath(digest)), { signal });
      return digest;
    },
    link: async (blob, parts) => void links.set(blob.digest, parts),
  };
  const [image] = await readArchive(createReadStream(archive), sink, architecture, signal);
  if (image?.id === undefined) throw new ImageBuildError(`${archive} holds no image for ${architecture}`);
  const config = JSON.parse(await readFile(blobPath(image.id), "utf8")) as ImageConfig;
  const parts = [...links.values()].find((some) => some.some(({ digest }) => digest === image.id)) ?? [];
  const layers: Layer[] = [];
  for (const [i, descriptor] of parts.filter(({ digest }) => digest !== image.id).entries()) {
    const path = blobPath(descriptor.digest);
    layers.push({ descriptor, diffId: config.rootfs.diff_ids[i] ?? "", content: { path } });
    await readLayer(path, tree, signal);
  }
  return { config, layers };
}

/** For blobs of Docker's layout, whose names are not their digests; small enough to be read again. */
async function renameByDigest(
  content: AsyncIterable<Uint8Array>,
  path: string,
  blobPath: (digest: string) => string,
  signal: AbortSignal,
): Promise<string> {
  await pipeline(Readable.from(content), createWriteStream(path), { signal });
  const bytes = await readFile(path);
  const digest = digestOf(bytes);
  await pipeline(Readable.from([bytes]), createWriteStream(blobPath(digest)), { signal });
  return digest;
}

async function readLayer(path: string, tree: FileTree, signal: AbortSignal): Promise<void> {
  const tar = extract();
  const [magic] = await readMagic(path);
  const file = createReadStream(path);
  const feeding =
    magic === 0x1f ? pipeline(file, createGunzip(), tar, { signal }) : pipeline(file, tar, { signal });
  // Awaited below; a failure meanwhile also ends the loop.
  feeding.catch(() => {});
  for await (const entry of tar) {
    addHeader(entry.header, tree);
    entry.resume();
  }
  await feeding;
}

async function readMagic(path: string): Promise<Buffer> {
  for await (const chunk of createReadStream(path, { end: 1 })) return chunk as Buffer;
  return Buffer.alloc(0);
}

function addHeader(header: Header, tree: FileTree): void {
  const path = posix.resolve("/", header.name);
  const name = posix.basename(path);
  if (name.startsWith(".wh.")) {
    const folder = posix.dirname(path);
    if (name !== ".wh..wh..opq") return tree.removeBase(posix.join(folder, name.slice(".wh.".length)));
    for (const entry of tree.below(folder)) if (entry.path !== folder) tree.removeBase(entry.path);
    return;
  }
  const { mode, uid, gid, linkname } = header;
  const type = header.type === "directory" || header.type === "symlink" ? header.type : "file";
  tree.addBase({ path, type, mode, uid, gid, ...(type === "symlink" && { linkname: linkname ?? "" }) });
}
