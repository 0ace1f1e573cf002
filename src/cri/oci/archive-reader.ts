/**
 * Reads what `docker save`, buildah, skopeo and our own builder write: a tar in OCI layout or in Docker's, plain
 * or gzipped. One pass; blobs go to a sink as they come, so that an image never has to fit in memory.
 * @module
 */
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { blobPath, IMAGE_NAME_ANNOTATION, REF_NAME_ANNOTATION } from "./archive-writer.ts";
import {
  MEDIA_TYPES,
  digestOf,
  isIndex,
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
} from "./image.ts";
import { normalizeReference } from "./reference.ts";

/** Files up to this size are kept until the end: among them are the ones that say what the others are. */
const METADATA_BYTES_MAX = 1024 * 1024;
/** Together, so that a tar of countless small files cannot fill the memory. */
const METADATA_TOTAL_BYTES_MAX = 256 * 1024 * 1024;

/** Where blobs go, addressed by what they contain. */
export interface BlobSink {
  /** Stores `content`; `digest` is undefined when only its end will tell. Resolves to the digest. */
  write(content: AsyncIterable<Uint8Array>, size: number, digest: string | undefined): Promise<string>;
  /** `blob` needs `parts`: keep them for as long as it is kept. */
  link(blob: Descriptor, parts: readonly Descriptor[]): Promise<void>;
}

export interface ArchivedImage {
  /** Canonical references; empty when the archive does not name it. */
  readonly names: readonly string[];
  /** Manifest or index. */
  readonly target: Descriptor;
  /** Digest of the configuration; undefined for an index without a manifest of this platform. */
  readonly id: string | undefined;
}

/** What one pass over the tar has left behind. */
interface Contents {
  readonly small: ReadonlyMap<string, Buffer>;
  /** File name → its blob in the sink. */
  readonly blobs: ReadonlyMap<string, Descriptor>;
}

/** Rejects on what is no image archive; the sink may then hold blobs that nothing refers to. */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  sink: BlobSink,
  architecture: string,
  signal: AbortSignal,
): Promise<readonly ArchivedImage[]> {
  const contents = await readEntries(source, sink, signal);
  const index = parse<Index>(contents, "index.json");
  const images =
    index === undefined
      ? await readDockerImages(contents, sink)
      : await readOciImages(contents, sink, index, architecture);
  if (images.length === 0)
    throw new Error("The archive holds no image: it has no index.json or manifest.json");
  return images;
}

async function readEntries(
  source: AsyncIterable<Uint8Array>,
  sink: BlobSink,
  signal: AbortSignal,
): Promise<Contents> {
  const small = new Map<string, Buffer>();
  const blobs = new Map<string, Descriptor>();
  const links = new Map<string, string>();
  let total = 0;
  const tar = extract();
  const feeding = pipeline(Readable.from(decompress(source)), tar, { signal });
  // Awaited below; a failure meanwhile also ends the loop.
  feeding.catch(() => {});
  for await (const entry of tar) {
    const name = cleanPath(entry.header.name);
    const size = entry.header.size ?? 0;
    if (isLink(entry.header)) links.set(name, linkTarget(name, entry.header));
    if (entry.header.type !== "file") {
      entry.resume();
      continue;
    }
    const digest = blobDigest(name);
    if (size > METADATA_BYTES_MAX) {
      blobs.set(name, descriptor(await sink.write(entry as AsyncIterable<Uint8Array>, size, digest), size));
      continue;
    }
    const bytes = await buffer(entry);
    total += bytes.length;
    if (total > METADATA_TOTAL_BYTES_MAX) throw new Error("The archive has too many small files");
    small.set(name, bytes);
    if (digest !== undefined) blobs.set(name, await writeBytes(sink, bytes));
  }
  await feeding;
  for (const [name, target] of links) {
    const [bytes, blob] = [small.get(target), blobs.get(target)];
    if (bytes !== undefined) small.set(name, bytes);
    if (blob !== undefined) blobs.set(name, blob);
  }
  return { small, blobs };
}

async function readOciImages(
  contents: Contents,
  sink: BlobSink,
  index: Index,
  architecture: string,
): Promise<readonly ArchivedImage[]> {
  const docker = parse<DockerManifest[]>(contents, "manifest.json") ?? [];
  const images = new Map<string, { names: Set<string>; target: Descriptor; id: string | undefined }>();
  for (const { annotations, ...target } of index.manifests) {
    const manifest = await linkTree(contents, sink, target, architecture);
    const id = manifest?.config.digest;
    const image = images.get(target.digest) ?? { names: new Set<string>(), target, id };
    images.set(target.digest, image);
    const tags = docker.find((one) => id !== undefined && blobDigest(cleanPath(one.Config)) === id)?.RepoTags;
    for (const name of [
      annotations?.[IMAGE_NAME_ANNOTATION] ?? annotations?.[REF_NAME_ANNOTATION],
      ...(tags ?? []),
    ])
      addName(image.names, name);
  }
  return [...images.values()].map((image) => ({ ...image, names: [...image.names] }));
}

/** A bare tag is an OCI reference name too, but no image's name. */
function addName(names: Set<string>, name: string | undefined): void {
  const canonical = name !== undefined && /[:/]/.test(name) ? normalizeReference(name) : undefined;
  if (canonical !== undefined) names.add(canonical);
}

/** Links a manifest, or all that an index names, to their parts; gives the manifest for this platform. */
async function linkTree(
  contents: Contents,
  sink: BlobSink,
  target: Descriptor,
  architecture: string,
): Promise<Manifest | undefined> {
  const document = parse<Manifest & Index>(contents, blobPath(target.digest));
  if (document === undefined) return undefined;
  checkDigests([target, document.config, ...(document.layers ?? []), ...(document.manifests ?? [])]);
  if (!isIndex(document.mediaType ?? target.mediaType)) {
    for (const part of [document.config, ...document.layers])
      if (!contents.blobs.has(blobPath(part.digest)))
        throw new Error(`The archive lacks the blob ${part.digest}`);
    await sink.link(target, [document.config, ...document.layers]);
    return document;
  }
  const present = document.manifests.filter((one) => contents.blobs.has(blobPath(one.digest)));
  await sink.link(target, present);
  const manifests = [];
  for (const one of present)
    manifests.push({ one, manifest: await linkTree(contents, sink, one, architecture) });
  const ours = manifests.find(({ one }) => one.platform?.architecture === architecture);
  return (ours ?? manifests[0])?.manifest;
}

/** An entry of Docker's manifest.json. */
interface DockerManifest {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** Docker's own layout has no manifest in the registry's sense: we write one. */
async function readDockerImages(contents: Contents, sink: BlobSink): Promise<readonly ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const { Config, RepoTags, Layers } of parse<DockerManifest[]>(contents, "manifest.json") ?? []) {
    const configBytes = contents.small.get(cleanPath(Config));
    if (configBytes === undefined) throw new Error(`The archive lacks the configuration ${Config}`);
    const config = { ...(await writeBytes(sink, configBytes)), mediaType: MEDIA_TYPES.config };
    const { rootfs } = JSON.parse(configBytes.toString()) as ImageConfig;
    const layers: Descriptor[] = [];
    for (const [i, path] of Layers.entries()) {
      const blob = await dockerLayer(contents, sink, cleanPath(path));
      const isPlain = blob.digest === rootfs.diff_ids[i];
      layers.push({ ...blob, mediaType: isPlain ? MEDIA_TYPES.layer : MEDIA_TYPES.layerGzip });
    }
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const target = { ...(await writeBytes(sink, bytes)), mediaType: MEDIA_TYPES.manifest };
    await sink.link(target, [config, ...layers]);
    const names = new Set<string>();
    for (const name of RepoTags ?? []) addName(names, name);
    images.push({ names: [...names], target, id: config.digest });
  }
  return images;
}

async function dockerLayer(contents: Contents, sink: BlobSink, path: string): Promise<Descriptor> {
  const blob = contents.blobs.get(path);
  if (blob !== undefined) return blob;
  const bytes = contents.small.get(path);
  if (bytes === undefined) throw new Error(`The archive lacks the layer ${path}`);
  return writeBytes(sink, bytes);
}

async function writeBytes(sink: BlobSink, bytes: Buffer): Promise<Descriptor> {
  const digest = digestOf(bytes);
  await sink.write(Readable.from([bytes]), bytes.length, digest);
  return descriptor(digest, bytes.length);
}

function descriptor(digest: string, size: number): Descriptor {
  return { mediaType: "", digest, size };
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the document
function parse<T>(contents: Contents, name: string): T | undefined {
  const bytes = contents.small.get(name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString()) as T;
  } catch (cause) {
    throw new Error(`Cannot read ${name} of the archive`, { cause });
  }
}

/** Digests become names of files: one with a path in it would be read from anywhere. */
function checkDigests(descriptors: readonly (Descriptor | undefined)[]): void {
  for (const one of descriptors)
    if (one !== undefined && blobDigest(blobPath(one.digest)) === undefined)
      throw new Error(`The archive names a blob ${JSON.stringify(one.digest)}, which is no digest`);
}

function blobDigest(path: string): string | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

function cleanPath(path: string): string {
  return path.replace(/^(\.?\/)+/, "");
}

function isLink(header: Header): boolean {
  return header.type === "symlink" || header.type === "link";
}

function linkTarget(name: string, { type, linkname }: Header): string {
  const target = linkname ?? "";
  if (type === "link") return cleanPath(target);
  const { pathname } = new URL(target, `file:///${name}`);
  return cleanPath(decodeURIComponent(pathname));
}

async function* decompress(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) throw new Error("The archive is empty");
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => chunks };
  const whole = (async function* (): AsyncIterable<Uint8Array> {
    yield first.value;
    yield* rest;
  })();
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* whole;
    return;
  }
  const plain = new PassThrough();
  const inflating = pipeline(Readable.from(whole), createGunzip(), plain);
  inflating.catch((err: unknown) => plain.destroy(err as Error));
  yield* plain;
  await inflating;
}
