/** The claims that a pod's volumes use, and what the cluster knows of them. @module */
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from "#api/storage/v1/types.gen";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { controllerOf, quote, type ObjectKey } from "#apimachinery";
import type { Lister } from "#client";

export interface VolumeListers {
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
  readonly csiNodes: Lister<CSINode>;
  readonly csiDrivers: Lister<CSIDriver>;
  readonly capacities: Lister<CSIStorageCapacity>;
}

export interface ClaimRef {
  readonly key: ObjectKey;
  readonly name: string;
  /** Made for this pod by the ephemeral volume controller. */
  readonly isEphemeral: boolean;
}

export function claimRefs({ metadata, spec }: Pod): readonly ClaimRef[] {
  const refs: ClaimRef[] = [];
  for (const { name: volume, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    const name = ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${volume}`;
    if (name === undefined) continue;
    refs.push({ key: `${metadata.namespace ?? ""}/${name}`, name, isEphemeral: ephemeral !== undefined });
  }
  return refs;
}

/** The claims, or why the pod cannot have them yet. */
export function podClaims(pod: Pod, { claims }: VolumeListers): readonly PersistentVolumeClaim[] | string {
  const found: PersistentVolumeClaim[] = [];
  for (const { key, name, isEphemeral } of claimRefs(pod)) {
    const claim = claims.get(key);
    if (claim === undefined) {
      return isEphemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${quote(name)}`
        : `persistentvolumeclaim ${quote(name)} not found`;
    }
    if (claim.status?.phase === "Lost")
      return `persistentvolumeclaim ${quote(name)} bound to non-existent persistentvolume ${quote(claim.spec?.volumeName ?? "")}`;
    if (claim.metadata.deletionTimestamp !== undefined)
      return `persistentvolumeclaim ${quote(name)} is being deleted`;
    if (isEphemeral && controllerOf(claim)?.uid !== pod.metadata.uid)
      return `PVC ${key} was not created for pod ${pod.metadata.namespace ?? ""}/${pod.metadata.name} (pod is not owner)`;
    found.push(claim);
  }
  return found;
}

const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** Bound on both sides, as the volume binder says when it is done. */
export function isFullyBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? "") !== "" && metadata.annotations?.[BIND_COMPLETED] !== undefined;
}

export function classNameOf({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? "";
}

/** Bound only when a pod that uses it is about to be placed. */
export function isDelayed(claim: PersistentVolumeClaim, { classes }: VolumeListers): boolean {
  return classes.get(classNameOf(claim))?.volumeBindingMode === "WaitForFirstConsumer";
}
