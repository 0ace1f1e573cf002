/** Images from folders and files: `k8ts image build` and `k8ts image load`. @module */
export { normalizeReference } from "#cri";
export { buildImage, type BuildImageOptions, type BuildResult } from "./build-image.ts";
export { ImageBuildError } from "./errors.ts";
export { loadImageTar, type LoadImageTarOptions } from "./load-image-tar.ts";
export { localImages, type LocalImagesOptions } from "./local-images.ts";
