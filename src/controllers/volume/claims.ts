/** What claims and volumes say of each other. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
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
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";
const CLAIMS_OF_POD = "controllers/claim";

/** Empty: no class, which is not the same as no word about it. */
export function classOf({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? "";
}

export function saysClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[CLASS_ANNOTATION] !== undefined || spec?.storageClassName !== undefined;
}

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

/** Bound to this very claim, or kept for one of this name. */
export function isKeptFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = spec?.claimRef;
  if (ref?.name !== metadata.name || ref.namespace !== metadata.namespace) return false;
  return (ref.uid ?? "") === "" || ref.uid === metadata.uid;
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
