/** Which folders of local-path volumes a node removes. Pure. @module */
import type { PersistentVolume } from "#api/core/v1/types.gen";

/** The provisioner whose volumes are folders of a node, and the node's folder that holds them. */
export const LOCAL_PATH_PROVISIONER = "k8ts.io/local-path";
export const LOCAL_PATH_ROOT = "/var/lib/k8ts/local-path";
const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

/** A volume that existed less than this ago keeps its folder. */
export const AGE_MIN_MS = 600_000;

/** What a node keeps of a volume that it has mounted. */
export interface LocalPathRecord {
  /** When the API was last seen to have it. */
  readonly seenAtMs: number;
  readonly reclaimPolicy: string;
}

export type LocalPathPlan = "wait" | "keep" | "forget" | "remove";

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

export const reclaimPolicyOf = ({ spec }: PersistentVolume): string =>
  spec?.persistentVolumeReclaimPolicy ?? "Retain";

/**
 * `volume` is what the API has now. Data of a volume that was to be retained outlives the object, as everywhere in
 * Kubernetes: its folder belongs to the administrator, and is forgotten here.
 */
export function planLocalPath(
  record: LocalPathRecord,
  volume: PersistentVolume | undefined,
  isUsed: boolean,
  nowMs: number,
): LocalPathPlan {
  if (volume !== undefined) return "keep";
  if (isUsed || nowMs - record.seenAtMs < AGE_MIN_MS) return "wait";
  return record.reclaimPolicy === "Delete" ? "remove" : "forget";
}

/** Undefined for what is no record, such as half a file. */
export function parseRecord(text: string): LocalPathRecord | undefined {
  try {
    const { seenAtMs, reclaimPolicy } = JSON.parse(text) as Partial<LocalPathRecord>;
    if (typeof seenAtMs === "number" && typeof reclaimPolicy === "string") return { seenAtMs, reclaimPolicy };
    return undefined;
  } catch {
    return undefined;
  }
}
