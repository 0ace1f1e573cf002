/** What claims and volumes say of each other. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import type { PersistentVolume, Pod } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import type { Lister, SharedInformer } from "#client";
import { ensureIndex } from "../indexes.ts";

export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** Where the first pod that uses the claim is to run. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";
const CLAIMS_OF_POD = "controllers/claim";

export function isDelayed(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}

export function hasAnnotation({ metadata }: KubeObject, name: string): boolean {
  return metadata.annotations?.[name] !== undefined;
}

/** The claim that a volume is bound to or kept for. */
export function claimKeyOf({ spec }: PersistentVolume): ObjectKey | undefined {
  const { namespace, name } = spec?.claimRef ?? {};
  return name === undefined ? undefined : `${namespace ?? ""}/${name}`;
}

/** Keys of the claims that the pod's volumes name; ephemeral ones are named after the pod. */
export function claimsOfPod({ metadata, spec }: Pod): readonly ObjectKey[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined)
      return [`${metadata.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral === undefined ? [] : [`${metadata.namespace}/${metadata.name}-${name}`];
  });
}

/** Makes `podsUsing` possible. Before the informer starts. */
export function indexPodsByClaim(informer: SharedInformer<Pod>): void {
  ensureIndex(informer, CLAIMS_OF_POD, claimsOfPod);
}

export function podsUsing(lister: Lister<Pod>, claim: ObjectKey): readonly Pod[] {
  return lister.byIndex(CLAIMS_OF_POD, claim);
}

export function nodeOf({ spec }: Pod): string {
  return spec?.nodeName ?? "";
}
