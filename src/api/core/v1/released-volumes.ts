/** How the provisioner of local-path volumes tells a node which of them are given up: by annotations of the node, one each, which the kubelet takes off when it is done. Pure. @module */
import type { Node } from "./types.gen.ts";

const PREFIX = "released.local-path.k8ts.io/";

/** Its value says why: the reclaim policy. */
export function releasedAnnotation(volume: string): string {
  return PREFIX + volume;
}

/** Names of the volumes whose data on the node is to go. */
export function releasedVolumes({ metadata }: Node): readonly string[] {
  return Object.entries(metadata.annotations ?? {})
    .filter(([key, policy]) => key.startsWith(PREFIX) && policy === "Delete")
    .map(([key]) => key.slice(PREFIX.length));
}
