/** Image volumes as folders of the node, where the runtime does not mount them itself. @module */
import type { ImageMounts } from "#cri";
import type { VolumeHost } from "../platform/platform.ts";

export interface ImageVolumeTools {
  /** Absent: the runtime mounts images itself. */
  readonly imageMounts: ImageMounts | undefined;
  readonly host: VolumeHost;
  readonly rootDir: string;
}

const folderOf = (rootDir: string, uid: string): string =>
  `${rootDir}/pods/${uid}/volumes/kubernetes.io~image`;
const keyOf = (uid: string, name: string): string => `k8ts-volume-${uid}-${name}`;

/** Resolves to the folder, or undefined when the runtime takes the image with the container. Idempotent. */
export async function mountImageVolume(
  { imageMounts, host, rootDir }: ImageVolumeTools,
  uid: string,
  name: string,
  image: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (imageMounts === undefined) return undefined;
  const path = `${folderOf(rootDir, uid)}/${name}`;
  if (await host.isMounted(path)) return path;
  return (await imageMounts.mount({ image, key: keyOf(uid, name), path }, signal)) ? path : undefined;
}

/** Before the pod's folder goes. */
export async function releaseImageVolumes(
  { imageMounts, host, rootDir }: ImageVolumeTools,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = folderOf(rootDir, uid);
  for (const name of await host.list(folder)) {
    await host.unmountBelow(`${folder}/${name}`);
    await imageMounts?.release(keyOf(uid, name), signal);
  }
}
