/** Images: names, pulls, credentials and the disk they take. @module */
import type { Nanoseconds, StringMap } from "./sandbox.ts";

export interface ImageSpec {
  /** A reference to pull, or the id of an image that is here. */
  readonly image: string;
  readonly annotations?: StringMap;
  /** The reference as the user wrote it in the pod. */
  readonly userSpecifiedImage?: string;
  readonly runtimeHandler?: string;
  readonly imageRef?: string;
}

export interface Image {
  /** Digest of the configuration, `sha256:…`. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** Bytes. */
  readonly size: number;
  /** Whom it runs as, when that is a number; else see `username`. */
  readonly uid?: number;
  readonly username: string;
  readonly spec?: ImageSpec;
  /** Never removed by garbage collection. */
  readonly pinned: boolean;
}

export interface ImageFilter {
  readonly image?: ImageSpec;
}

export interface ImageStatusResponse {
  /** Absent: the image is not here. */
  readonly image?: Image;
  /** Runtime-specific; only when asked with `verbose`. */
  readonly info: StringMap;
}

/** Secret: never logged. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface FilesystemUsage {
  readonly timestamp: Nanoseconds;
  readonly fsId?: { readonly mountpoint: string };
  readonly usedBytes?: number;
  readonly inodesUsed?: number;
}

export interface ImageFsInfoResponse {
  readonly imageFilesystems: readonly FilesystemUsage[];
  /** Empty when the same as the images'. */
  readonly containerFilesystems: readonly FilesystemUsage[];
}
