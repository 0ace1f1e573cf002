/** The real runtime: a client of containerd's socket, and the care of containerd itself. @module */
export { cleanupNodeRuntime, unmountBelow, type CleanupOptions } from "./cleanup.ts";
export { connect, type Connection } from "./connection.ts";
export { createContainerdRuntime, type ContainerdRuntimeOptions } from "./containerd-runtime.ts";
export { CNI_BIN_DIR, daemonPaths, type DaemonOptions, type DaemonPaths } from "./daemon-config.ts";
export {
  netnsDir,
  prepareContainerd,
  startContainerd,
  type ContainerdHandle,
  type DaemonEnvironment,
  type PreparedContainerd,
} from "./daemon.ts";
export { exportImage, type ImageExportOptions } from "./image-export.ts";
export { importImage, type ImageImportOptions, type ImportedImage } from "./image-import.ts";
export { MissingProgramsError, requirePrograms } from "./machine.ts";
export { sweepOrphanShims, type OrphanShimOptions } from "./orphan-shims.ts";
export { decode, encode } from "./wire/codec.ts";
export { createSchema, type Method, type Schema, type Tables } from "./wire/schema.ts";
