/** `k8ts image load`: an image archive → a node's containerd. @module */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createContainerdRuntime, importImage, type ImportedImage } from "#cri";
import type { Clock, Logger } from "#apimachinery";
import { ImageBuildError } from "./errors.ts";

export interface LoadImageTarOptions {
  /** What `docker save`, buildah, skopeo or `k8ts image build` wrote; may be gzipped. */
  readonly path: string;
  /** Of the node's containerd. */
  readonly socketPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unique among loads that run at the same time, e.g. a random UUID. */
  readonly importId: string;
  /** Node's name of the processor. */
  readonly nodeArch: string;
}

const FIX = "docker save -o FILE.tar IMAGE, then k8ts image load FILE.tar";

/** Resolves when kubelet can start containers from the images. */
export async function loadImageTar(
  options: LoadImageTarOptions,
  signal: AbortSignal,
): Promise<readonly ImportedImage[]> {
  const { path, socketPath, clock, logger } = options;
  const { isFile } = await stat(path).then(
    (stats) => ({ isFile: stats.isFile() }),
    (cause: unknown) => {
      throw new ImageBuildError(`Cannot read ${path}`, undefined, cause);
    },
  );
  if (!isFile) throw new ImageBuildError(`${path} is not a file`, undefined, undefined, FIX);
  const runtime = createContainerdRuntime({ socketPath, clock, logger });
  try {
    return await importImage(createReadStream(path), { ...options, runtime }, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ImageBuildError(`Cannot load ${path} as an image archive`, undefined, cause, FIX);
  } finally {
    await runtime.close();
  }
}
