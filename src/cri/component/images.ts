/** Images of components: names for what this program brings along, so they are always here and never pulled. @module */
import type { Image } from "../image.ts";
import { digestOf } from "../oci/image.ts";
import { normalizeReference } from "../oci/reference.ts";
import type { ImageService } from "../runtime.ts";
import type { ComponentState } from "./component-runtime.ts";

const IMAGE_PREFIX = "docker.io/k8ts/";

type ImageCalls = Pick<ImageService, "imageStatus" | "pullImage" | "removeImage">;

/** They are not listed: there is nothing that image garbage collection could free. */
export function imageCalls(state: ComponentState): ImageCalls {
  const { runtime } = state;
  return {
    imageStatus: async (spec, options, signal) => {
      // kubelet creates containers by the id it learns here
      ensureImage(state, spec.image);
      const image = findImage(state, spec.image);
      return image === undefined ? runtime.imageStatus(spec, options, signal) : { image, info: {} };
    },
    pullImage: async (spec, auth, sandboxConfig, signal) =>
      findImage(state, spec.image)?.id ?? runtime.pullImage(spec, auth, sandboxConfig, signal),
    removeImage: async (spec, signal) => {
      if (findImage(state, spec.image) === undefined) await runtime.removeImage(spec, signal);
    },
  };
}

/** Makes a component's image known to the records. */
export function ensureImage(state: ComponentState, name: string): void {
  const image = findImage(state, name);
  for (const tag of image?.repoTags ?? []) state.records.images.set(tag, image!);
}

/** By a reference such as `k8ts/kube-apiserver:v1.36.0`, or by the id of one that was used. */
function findImage({ components, records }: ComponentState, name: string): Image | undefined {
  const known = records.images.values().find((image) => image.id === name);
  if (known !== undefined) return known;
  const reference = normalizeReference(name);
  if (reference === undefined || !reference.startsWith(IMAGE_PREFIX)) return undefined;
  const component = reference.slice(IMAGE_PREFIX.length).replace(/[:@].*$/, "");
  if (!components.some((one) => one.name === component)) return undefined;
  const id = digestOf(`component ${reference}`);
  return { id, repoTags: [reference], repoDigests: [], size: 0, username: "", pinned: true };
}
