/** Which folders of local-path volumes a node removes. Pure. @module */
import type { PersistentVolume } from "#api/core/v1/types.gen";

/** The provisioner whose volumes are folders of a node, and the node's folder that holds them. */
export const LOCAL_PATH_PROVISIONER = "k8ts.io/local-path";
export const LOCAL_PATH_ROOT = "/var/lib/k8ts/local-path";
const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

export type LocalPathPlan =
  /** A pod here has it yet. */
  | "wait"
  /** There is nothing of this node's own. */
  | "acknowledge"
  | "remove";

/** One segment of a path, as names of PersistentVolumes are. */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/u;
export const isVolumeName = (name: string): boolean => NAME.test(name) && name.length <= 253;

/** The provisioner's own volumes, and of those only the ones that lie where it puts them. */
export function isLocalPathVolume({ metadata, spec }: PersistentVolume, root: string): boolean {
  const path = spec?.hostPath?.path ?? spec?.local?.path;
  return (
    metadata.annotations?.[PROVISIONED_BY] === LOCAL_PATH_PROVISIONER &&
    isVolumeName(metadata.name) &&
    path === `${root}/${metadata.name}`
  );
}

/** For a volume that the provisioner has given up. `isOwn`: this node has mounted it once. */
export function planLocalPath(name: string, isOwn: boolean, isUsed: boolean): LocalPathPlan {
  if (isUsed) return "wait";
  return isOwn && isVolumeName(name) ? "remove" : "acknowledge";
}
