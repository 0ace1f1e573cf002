/** Which volumes of a pod are to be attached to its node, and under which names. @module */
import { createHash } from "node:crypto";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { controllerOf } from "#apimachinery";
import { isPodTerminal } from "#api/core/v1/pod-state";

export interface VolumeWorld {
  readonly claim: (key: string) => PersistentVolumeClaim | undefined;
  readonly volume: (name: string) => PersistentVolume | undefined;
  readonly driver: (name: string) => CSIDriver | undefined;
}

/** As nodes report volumes in their status; undefined: not a CSI volume. */
export function uniqueNameOf({ spec }: PersistentVolume): string | undefined {
  return spec?.csi === undefined
    ? undefined
    : `kubernetes.io/csi/${spec.csi.driver}^${spec.csi.volumeHandle}`;
}

/** The name under which drivers' attachers and kubelets look for it. */
export function attachmentName({ spec }: PersistentVolume, node: string): string {
  const { volumeHandle = "", driver = "" } = spec?.csi ?? {};
  return `csi-${createHash("sha256").update(`${volumeHandle}${driver}${node}`).digest("hex")}`;
}

/** Volumes that say nothing of it may be on several nodes at once. */
export function allowsMultiAttach({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.includes("ReadWriteMany") || modes.includes("ReadOnlyMany");
}

/** Its volumes are not needed any more: it has ended, or none of its containers runs and none will. */
export function isPodOver(pod: Pod): boolean {
  if (isPodTerminal(pod)) return true;
  const statuses = pod.status?.containerStatuses ?? [];
  const isRunning = statuses.some(
    ({ state }) => state?.terminated === undefined && state?.waiting === undefined,
  );
  return pod.metadata.deletionTimestamp !== undefined && !isRunning;
}

/** Bound volumes of the pod whose driver wants them attached; a driver that says nothing wants it. */
export function attachableVolumes(pod: Pod, world: VolumeWorld): readonly PersistentVolume[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const isOwn = ephemeral !== undefined;
    const claimName = isOwn ? `${pod.metadata.name}-${name}` : persistentVolumeClaim?.claimName;
    if (claimName === undefined) return [];
    const claim = world.claim(`${pod.metadata.namespace}/${claimName}`);
    if (claim?.status?.phase !== "Bound" || (claim.spec?.volumeName ?? "") === "") return [];
    if (isOwn && controllerOf(claim)?.uid !== pod.metadata.uid) return [];
    const volume = world.volume(claim.spec!.volumeName!);
    if (volume?.spec?.csi === undefined || volume.spec.claimRef?.uid !== claim.metadata.uid) return [];
    return world.driver(volume.spec.csi.driver)?.spec.attachRequired === false ? [] : [volume];
  });
}
