/** Which folders of local-path volumes a node removes. Pure. @module */
import { isVolumeName, LOCAL_PATH_PROVISIONER } from "#api/core/v1/local-path-volumes";
import type { PersistentVolume } from "#api/core/v1/types.gen";

const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

export type LocalPathPlan =
  /** A pod here has it yet. */
  | "wait"
  /** There is nothing of this node's own. */
  | "acknowledge"
  | "remove";

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
