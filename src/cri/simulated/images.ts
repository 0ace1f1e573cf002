/** Simulated images: a pull of any reference succeeds at once and takes no room. @module */
import { RuntimeError } from "../errors.ts";
import type { Image } from "../image.ts";
import { digestOf } from "../oci/image.ts";
import { parseReference, printReference } from "../oci/reference.ts";
import type { ImageService } from "../runtime.ts";
import { now, type State } from "./state.ts";

export function imageCalls(state: State, canPull: (reference: string) => boolean): ImageService {
  return {
    listImages: async ({ image }) => {
      if (image === undefined || image.image === "") return [...new Set(state.images.values())];
      const found = findImage(state, image.image);
      return found === undefined ? [] : [found];
    },
    imageStatus: async ({ image }) => {
      const found = findImage(state, image);
      return { ...(found !== undefined && { image: found }), info: {} };
    },
    pullImage: async ({ image }) => pullImage(state, image, canPull),
    removeImage: async ({ image }) => {
      const found = findImage(state, image);
      for (const [name, one] of state.images) if (one === found) state.images.delete(name);
    },
    imageFsInfo: async () => ({
      imageFilesystems: [{ timestamp: now(state), usedBytes: 0, inodesUsed: 0 }],
      containerFilesystems: [],
    }),
  };
}

/** By reference or by id. */
export function findImage(state: State, name: string): Image | undefined {
  const reference = parseReference(name);
  const byName = reference === undefined ? undefined : state.images.get(printReference(reference));
  return byName ?? state.images.values().find((image) => image.id === name);
}

function pullImage(state: State, name: string, canPull: (reference: string) => boolean): string {
  const reference = parseReference(name);
  if (reference === undefined)
    throw new RuntimeError(
      "InvalidArgument",
      `failed to parse image name "${name}": invalid reference format`,
    );
  const canonical = printReference(reference);
  if (!canPull(canonical)) {
    const why = `failed to resolve reference "${canonical}": ${canonical}: not found`;
    throw new RuntimeError("NotFound", `failed to pull and unpack image "${canonical}": ${why}`);
  }
  const known = state.images.get(canonical);
  if (known !== undefined) return known.id;
  const id = digestOf(`simulated image ${canonical}`);
  const digest = reference.digest ?? digestOf(`simulated manifest ${canonical}`);
  const image: Image = {
    id,
    repoTags: reference.tag === undefined ? [] : [canonical],
    repoDigests: [printReference({ ...reference, tag: undefined, digest })],
    size: 0,
    username: "",
    pinned: false,
  };
  state.images.set(canonical, image);
  return id;
}
