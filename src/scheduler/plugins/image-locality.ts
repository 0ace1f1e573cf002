/** ImageLocality: prefers nodes that hold the pod's images already. @module */
import { MAX_NODE_SCORE, type Plugin, type Snapshot } from "../framework/plugin.ts";

const MIB = 1024 * 1024;
/** Upstream's thresholds: below, an image is pulled as fast as found; above, more does not matter. */
const THRESHOLD_MIN = 23 * MIB;
const CONTAINER_THRESHOLD_MAX = 1000 * MIB;
const SPREAD = "ImageLocality.spread";

export const imageLocality: Plugin = {
  name: "ImageLocality",
  preScore(state, { pod }, nodes, snapshot) {
    const wanted = (pod.spec?.containers ?? []).map(({ image }) => normalizedName(image ?? ""));
    if (!nodes.some((node) => node.images.size > 0 && wanted.some((name) => node.images.has(name))))
      return "skip";
    state.set(
      SPREAD,
      wanted.map((name) => ({ name, share: shareOf(name, snapshot) })),
    );
    return undefined;
  },
  /** A popular image counts for more: otherwise one node would draw every pod of a new image. */
  score(state, _pod, node) {
    const images = state.get(SPREAD) as readonly { readonly name: string; readonly share: number }[];
    let sum = 0;
    for (const { name, share } of images) sum += (node.images.get(name) ?? 0) * share;
    const max = CONTAINER_THRESHOLD_MAX * images.length;
    const bounded = Math.min(Math.max(sum, THRESHOLD_MIN), max);
    return Math.floor((MAX_NODE_SCORE * (bounded - THRESHOLD_MIN)) / (max - THRESHOLD_MIN));
  },
};

function shareOf(name: string, { nodes }: Snapshot): number {
  let holders = 0;
  for (const node of nodes) if (node.images.has(name)) holders++;
  return holders / nodes.length;
}

/** The runtime reports `name:latest` where the pod says `name`. */
function normalizedName(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
