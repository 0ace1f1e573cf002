/** Takes images out of containerd again, e.g. as the base of a build. @module */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Clock } from "#apimachinery";
import { RuntimeError, isRuntimeNotFound } from "../errors.ts";
import {
  imageArchitecture,
  isIndex,
  type BuiltImage,
  type Descriptor,
  type ImageConfig,
  type Index,
  type Layer,
  type Manifest,
} from "../oci/image.ts";
import { connect, type CallSettings, type Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE } from "./content.ts";
import { containerdContent, containerdImages } from "./wire/containerd-tables.ts";
import { createSchema } from "./wire/schema.ts";

const CALL_TIMEOUT_MS = 60_000;

const images = createSchema(containerdImages);
const content = createSchema(containerdContent);

export interface ImageExportOptions {
  readonly socketPath: string;
  /** For the layers' files; must exist. */
  readonly folder: string;
  /** Node's name of the processor. */
  readonly nodeArch: string;
  readonly clock: Clock;
}

/** By canonical reference; undefined when containerd does not have it. */
export async function exportImage(
  reference: string,
  options: ImageExportOptions,
  signal: AbortSignal,
): Promise<BuiltImage | undefined> {
  const connection = connect(options.socketPath, options.clock);
  const settings = { signal, headers: { "containerd-namespace": CONTAINERD_NAMESPACE } };
  try {
    const target = await findTarget(connection, reference, settings);
    if (target === undefined) return undefined;
    const manifest = await readManifest(connection, target, imageArchitecture(options.nodeArch), settings);
    const config = await readJson<ImageConfig>(connection, manifest.config.digest, settings);
    const layers: Layer[] = [];
    for (const [i, descriptor] of manifest.layers.entries()) {
      const path = join(options.folder, `layer-${i}`);
      await pipeline(
        Readable.from(readBlob(connection, descriptor.digest, settings)),
        createWriteStream(path),
      );
      layers.push({ descriptor, diffId: config.rootfs.diff_ids[i] ?? "", content: { path } });
    }
    return { config, layers };
  } finally {
    connection.close();
  }
}

async function findTarget(
  connection: Connection,
  name: string,
  settings: CallSettings,
): Promise<Descriptor | undefined> {
  try {
    const method = images.method("Images", "Get");
    const response = await connection.unary(method, { name }, { ...settings, deadlineMs: CALL_TIMEOUT_MS });
    return (response as { image?: { target?: Descriptor } }).image?.target;
  } catch (err) {
    if (isRuntimeNotFound(err)) return undefined;
    throw err;
  }
}

async function readManifest(
  connection: Connection,
  target: Descriptor,
  architecture: string,
  settings: CallSettings,
): Promise<Manifest> {
  const document = await readJson<Manifest & Index>(connection, target.digest, settings);
  if (!isIndex(document.mediaType ?? target.mediaType)) return document;
  const ours = document.manifests.find(({ platform }) => platform?.architecture === architecture);
  if (ours === undefined) throw new RuntimeError("NotFound", `the image has no variant for ${architecture}`);
  return readManifest(connection, ours, architecture, settings);
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the document
async function readJson<T>(connection: Connection, digest: string, settings: CallSettings): Promise<T> {
  const bytes = await buffer(readBlob(connection, digest, settings));
  return JSON.parse(bytes.toString()) as T;
}

async function* readBlob(
  connection: Connection,
  digest: string,
  settings: CallSettings,
): AsyncIterable<Uint8Array> {
  const method = content.method("Content", "Read");
  for await (const part of connection.serverStream(method, { digest }, settings))
    yield (part as { data: Uint8Array }).data;
}
