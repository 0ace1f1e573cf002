/** Loads image archives into containerd so that CRI finds them, as if they had been pulled. @module */
import type { Clock } from "#apimachinery";
import { runtimeErrorCode } from "../errors.ts";
import { readArchive, type ArchivedImage } from "../oci/archive-reader.ts";
import { imageArchitecture } from "../oci/image.ts";
import type { ImageService } from "../runtime.ts";
import { connect, type Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE, openContentStore } from "./content.ts";
import { containerdImages } from "./wire/containerd-tables.ts";
import { createSchema } from "./wire/schema.ts";

const CALL_TIMEOUT_MS = 60_000;
/** CRI learns of an image by an event, a moment after it was created. */
const VISIBLE_STEP_MS = 10;
const VISIBLE_STEPS_MAX = 500;

const images = createSchema(containerdImages);

export interface ImageImportOptions {
  readonly socketPath: string;
  /** CRI on the same socket. */
  readonly runtime: ImageService;
  readonly clock: Clock;
  /** Unique among imports that run at the same time. */
  readonly importId: string;
  /** Node's name of the processor. */
  readonly nodeArch: string;
  /** Never removed by garbage collection. */
  readonly pinned?: boolean;
}

export interface ImportedImage {
  /** Canonical. */
  readonly names: readonly string[];
  /** As `Image.id`. */
  readonly id: string | undefined;
}

/** Reads an archive (OCI or Docker layout, plain or gzipped); resolves when CRI shows its images. */
export async function importImage(
  archive: AsyncIterable<Uint8Array>,
  options: ImageImportOptions,
  signal: AbortSignal,
): Promise<readonly ImportedImage[]> {
  const connection = connect(options.socketPath, options.clock);
  try {
    const { importId, clock, nodeArch } = options;
    await using store = await openContentStore(connection, importId, clock.now(), signal);
    const found = await readArchive(archive, store, imageArchitecture(nodeArch), signal);
    for (const image of found) await register(connection, image, options.pinned ?? false, signal);
    for (const image of found) await waitUntilVisible(options, image, signal);
    return found.map(({ names, id }) => ({ names, id }));
  } finally {
    connection.close();
  }
}

/** CRI expects an image under its id as well as under its names, all labelled as its own. */
async function register(
  connection: Connection,
  { names, target, id }: ArchivedImage,
  pinned: boolean,
  signal: AbortSignal,
): Promise<void> {
  const labels = {
    "io.cri-containerd.image": "managed",
    ...(pinned && { "io.cri-containerd.pinned": "pinned" }),
  };
  const settings = {
    signal,
    deadlineMs: CALL_TIMEOUT_MS,
    headers: { "containerd-namespace": CONTAINERD_NAMESPACE },
  };
  for (const name of [...(id === undefined ? [] : [id]), ...names]) {
    const image = { name, labels, target };
    try {
      await connection.unary(images.method("Images", "Create"), { image }, settings);
    } catch (err) {
      if (runtimeErrorCode(err) !== "AlreadyExists") throw err;
      const updateMask = { paths: ["target", ...Object.keys(labels).map((label) => `labels.${label}`)] };
      await connection.unary(images.method("Images", "Update"), { image, updateMask }, settings);
    }
  }
}

async function waitUntilVisible(
  { runtime, clock }: ImageImportOptions,
  { names, id }: ArchivedImage,
  signal: AbortSignal,
): Promise<void> {
  for (const name of names)
    for (let step = 0; step < VISIBLE_STEPS_MAX; step++) {
      const { image } = await runtime.imageStatus({ image: name }, {}, signal);
      if (image !== undefined && (id === undefined || image.id === id)) break;
      await clock.sleep(VISIBLE_STEP_MS, signal);
    }
}
