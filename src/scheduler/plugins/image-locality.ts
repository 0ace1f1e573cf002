/** ImageLocality: prefers nodes that hold the pod's images already. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { MAX_NODE_SCORE, type Plugin, type Snapshot } from "../framework/plugin.ts";

const MIB = 1024 * 1024;
/** Upstream's thresholds: below, an image is pulled as fast as found; above, more does not matter. */
const THRESHOLD_MIN = 23 * MIB;
const CONTAINER_THRESHOLD_MAX = 1000 * MIB;
const STATE = "ImageLocality";

interface State {
  readonly images: readonly { readonly name: string; readonly share: number }[];
  /** The sum above which more does not matter. */
  readonly max: number;
}

export const imageLocality: Plugin = {
  name: "ImageLocality",
  preScore(state, { pod }, nodes, snapshot) {
    const wanted = imagesOf(pod).map(normalizedName);
    if (!nodes.some((node) => node.images.size > 0 && wanted.some((name) => node.images.has(name))))
      return "skip";
    const { containers = [], initContainers = [] } = pod.spec ?? {};
    const images = wanted.map((name) => ({ name, share: shareOf(name, snapshot) }));
    const max = CONTAINER_THRESHOLD_MAX * (containers.length + initContainers.length);
    state.set(STATE, { images, max } satisfies State);
    return undefined;
  },
  /** A popular image counts for more: otherwise one node would draw every pod of a new image. */
  score(state, _pod, node) {
    const { images, max } = state.get(STATE) as State;
    let sum = 0;
    for (const { name, share } of images) sum += Math.floor((node.images.get(name) ?? 0) * share);
    const bounded = Math.min(Math.max(sum, THRESHOLD_MIN), max);
    return Math.floor((MAX_NODE_SCORE * (bounded - THRESHOLD_MIN)) / (max - THRESHOLD_MIN));
  },
};

/** Image volumes weigh in the sum, but raise no threshold: that is by containers. */
function imagesOf({ spec }: Pod): readonly string[] {
  return [
    ...(spec?.initContainers ?? []).map(({ image }) => image ?? ""),
    ...(spec?.containers ?? []).map(({ image }) => image ?? ""),
    ...(spec?.volumes ?? []).flatMap(({ image }) => (image === undefined ? [] : [image.reference ?? ""])),
  ];
}

function shareOf(name: string, { nodes }: Snapshot): number {
  let holders = 0;
  for (const node of nodes) if (node.images.has(name)) holders++;
  return holders / nodes.length;
}

/** The runtime reports `name:latest` where the pod says `name`. */
function normalizedName(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
