/** What the provisioner of local-path volumes, the nodes and the launcher agree on: where the volumes lie, and how a node is told that one is given up. Pure. @module */
import type { Node } from "./types.gen.ts";

export const LOCAL_PATH_PROVISIONER = "k8ts.io/local-path";
/** The folder of every node that holds the volumes, each in a folder of its name. */
export const LOCAL_PATH_ROOT = "/var/lib/k8ts/local-path";
/** Below the kubelet's own folder: a file for each volume that this node has mounted, by its name. */
export const LOCAL_PATH_RECORDS = "plugins/k8ts.io~local-path";

/** One segment of a path, as names of PersistentVolumes are. */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/u;
const NAME_CHARACTERS_MAX = 253;
/** Annotations of the node, one for each volume, which the kubelet takes off when it is done. */
const RELEASED = "released.local-path.k8ts.io/";

export function isVolumeName(name: string): boolean {
  return NAME.test(name) && name.length <= NAME_CHARACTERS_MAX;
}

/** Its value says why: the reclaim policy. */
export function releasedAnnotation(volume: string): string {
  return RELEASED + volume;
}

/** Names of the volumes whose data on the node is to go. */
export function releasedVolumes({ metadata }: Node): readonly string[] {
  return Object.entries(metadata.annotations ?? {})
    .filter(([key, policy]) => key.startsWith(RELEASED) && policy === "Delete")
    .map(([key]) => key.slice(RELEASED.length));
}
