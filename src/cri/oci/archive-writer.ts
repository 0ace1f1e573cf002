/**
 * Image → one tar that both OCI tools (index.json, blobs/) and Docker's (manifest.json) can load. The same image
 * gives the same bytes.
 * @module
 */
import { asError } from "#apimachinery";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import {
  MEDIA_TYPES,
  digestOf,
  type BuiltImage,
  type Descriptor,
  type Index,
  type Layer,
  type Manifest,
} from "./image.ts";

/** The annotation by which containerd names an image in an index. */
export const IMAGE_NAME_ANNOTATION = "io.containerd.image.name";
export const REF_NAME_ANNOTATION = "org.opencontainers.image.ref.name";

/** `names` are canonical references (`docker.io/demo/web:1`). The stream fails when a layer's file is not there. */
export function writeArchive(image: BuiltImage, names: readonly string[]): AsyncIterable<Uint8Array> {
  const archive = pack();
  fill(archive, image, names).then(
    () => archive.finalize(),
    (err: unknown) => archive.destroy(asError(err)),
  );
  return archive as AsyncIterable<Uint8Array>;
}

/** Digest of the configuration, by which runtimes name the image. */
export function imageId(image: BuiltImage): string {
  return digestOf(JSON.stringify(image.config));
}

async function fill(archive: Pack, image: BuiltImage, names: readonly string[]): Promise<void> {
  const config = Buffer.from(JSON.stringify(image.config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
    layers: image.layers.map((layer) => layer.descriptor),
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  const target: Descriptor = {
    mediaType: MEDIA_TYPES.manifest,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
    platform: { architecture: image.config.architecture, os: image.config.os },
  };
  const index: Index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: names.length === 0 ? [target] : names.map((name) => named(target, name)),
  };
  const docker = [
    {
      Config: blobPath(manifest.config.digest),
      RepoTags: names,
      Layers: image.layers.map((layer) => blobPath(layer.descriptor.digest)),
    },
  ];
  await addFile(archive, "oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await addFile(archive, "index.json", JSON.stringify(index));
  await addFile(archive, "manifest.json", JSON.stringify(docker));
  await addFile(archive, blobPath(target.digest), manifestBytes);
  await addFile(archive, blobPath(manifest.config.digest), config);
  // An image may hold the same layer twice; its blob is one.
  const layers = new Map(image.layers.map((layer) => [layer.descriptor.digest, layer]));
  for (const layer of layers.values()) await addLayer(archive, layer);
}

function named(target: Descriptor, name: string): Descriptor {
  const tag = /:([^/:@]+)$/.exec(name)?.[1] ?? name;
  return { ...target, annotations: { [IMAGE_NAME_ANNOTATION]: name, [REF_NAME_ANNOTATION]: tag } };
}

export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

async function addLayer(archive: Pack, { descriptor, content }: Layer): Promise<void> {
  const path = blobPath(descriptor.digest);
  if (content instanceof Uint8Array) return addFile(archive, path, content);
  const entry = archive.entry(header(path, descriptor.size));
  return pipeline(createReadStream(content.path), entry);
}

function addFile(archive: Pack, name: string, content: Uint8Array | string): Promise<void> {
  const bytes = Buffer.from(content);
  return new Promise((resolve, reject) => {
    archive.entry(header(name, bytes.length), bytes, (err) => (err == null ? resolve() : reject(err)));
  });
}

type EntryHeader = Parameters<Pack["entry"]>[0];

function header(name: string, size: number): EntryHeader {
  return { name, size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 };
}
