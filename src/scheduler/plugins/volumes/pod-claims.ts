/** The claims that a pod's volumes use, and what the cluster knows of them. @module */
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from "#api/storage/v1/types.gen";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { controllerOf, quote } from "#apimachinery";
import type { Lister } from "#client";
import { claimRefs } from "../../cache/claim-refs.ts";

export interface VolumeListers {
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
  readonly csiNodes: Lister<CSINode>;
  readonly csiDrivers: Lister<CSIDriver>;
  readonly capacities: Lister<CSIStorageCapacity>;
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

/** Bound on both sides, as the volume binder says when it is done. */
export function isFullyBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? "") !== "" && metadata.annotations?.[BIND_COMPLETED] !== undefined;
}

/** Bound only when a pod that uses it is about to be placed. */
export function isDelayed(claim: PersistentVolumeClaim, { classes }: VolumeListers): boolean {
  return classes.get(storageClassOf(claim))?.volumeBindingMode === "WaitForFirstConsumer";
}
