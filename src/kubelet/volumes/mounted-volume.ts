/** A volume as containers see it, and as it is measured. @module */
import type { ImageVolumeSource } from "#api/core/v1/types.gen";

/** How much of it is used is told by its file system, by counting its files, or by its driver; or not at all. */
export type Measure = "none" | "filesystem" | "files" | { readonly driver: string; readonly handle: string };

/** Where a volume lies on the node. */
export interface MountedVolume {
  /** Of a block volume: the device. Of an image: "". */
  readonly path: string;
  readonly readOnly: boolean;
  /** Its files are brought when a container starts. */
  readonly image?: ImageVolumeSource;
  /** The image as the runtime is to mount it. */
  readonly imageRef?: string;
  readonly measure?: Measure;
  /** Of the claim behind it. */
  readonly claimName?: string;
}

export type MountedVolumes = ReadonlyMap<string, MountedVolume>;
