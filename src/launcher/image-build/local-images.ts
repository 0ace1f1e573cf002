/** Images on a node as bases for builds: `FROM demo/web:1` of something that was built or loaded before. @module */
import { createWriteStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "#apimachinery";
import { exportImage, writeArchive } from "#cri";

export interface LocalImagesOptions {
  /** Of the node's containerd. */
  readonly socketPath: string;
  /** For archives; the caller removes it after the build. */
  readonly folder: string;
  /** Node's name of the processor. */
  readonly nodeArch: string;
  readonly clock: Clock;
}

/** For `BuildImageOptions.localImage`. */
export function localImages(
  { socketPath, folder, nodeArch, clock }: LocalImagesOptions,
  signal: AbortSignal,
): (reference: string) => Promise<string | undefined> {
  return async (reference) => {
    const layers = await mkdtemp(join(folder, "base-"));
    const image = await exportImage(reference, { socketPath, folder: layers, nodeArch, clock }, signal);
    if (image === undefined) return undefined;
    const archive = join(layers, "image.tar");
    await pipeline(Readable.from(writeArchive(image, [reference])), createWriteStream(archive), { signal });
    return archive;
  };
}
