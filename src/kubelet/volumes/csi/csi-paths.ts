/** Where CSI volumes lie below kubelet's folder, and under which names they are known; upstream's. Pure. @module */
import { createHash } from "node:crypto";

/** In front of CSI's own errors, and of the names of volumes. */
export const CSI_PLUGIN = "kubernetes.io/csi";
export const VOLUME_DATA = "vol_data.json";
const ESCAPED = "kubernetes.io~csi";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** As in `node.status.volumesInUse`. */
export const uniqueVolumeName = (driver: string, handle: string): string =>
  `${CSI_PLUGIN}/${driver}^${handle}`;

export const attachmentName = (driver: string, handle: string, node: string): string =>
  `csi-${sha256(`${handle}${driver}${node}`)}`;

/** Of a volume that lives and dies with its pod. */
export const ephemeralHandle = (podUid: string, volumeName: string): string =>
  `csi-${sha256(`${podUid}${volumeName}`)}`;

export const csiPodVolumes = (rootDir: string, uid: string): string =>
  `${rootDir}/pods/${uid}/volumes/${ESCAPED}`;

/** Holds `mount`, which the driver makes, and the data by which it is found again. */
export const csiVolumeDir = (rootDir: string, uid: string, specName: string): string =>
  `${csiPodVolumes(rootDir, uid)}/${specName}`;

export const csiPodDevices = (rootDir: string, uid: string): string =>
  `${rootDir}/pods/${uid}/volumeDevices/${ESCAPED}`;

export const csiPluginDir = (rootDir: string): string => `${rootDir}/plugins/${CSI_PLUGIN}`;

/** Holds `globalmount`, where the volume is staged. */
export const csiStageDir = (rootDir: string, driver: string, handle: string): string =>
  `${csiPluginDir(rootDir)}/${driver}/${sha256(handle)}`;

export interface BlockPaths {
  readonly staging: string;
  readonly publish: string;
  readonly dataDir: string;
}

export function csiBlockPaths(rootDir: string, specName: string, uid: string): BlockPaths {
  const base = `${csiPluginDir(rootDir)}/volumeDevices`;
  return {
    staging: `${base}/staging/${specName}`,
    publish: `${base}/publish/${specName}/${uid}`,
    dataDir: `${base}/${specName}/data`,
  };
}
