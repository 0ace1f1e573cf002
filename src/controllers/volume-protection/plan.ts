/** When a protecting finalizer is put on and taken off. @module */
import type { KubeObject } from "#apimachinery";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { nodeOf } from "../volume/claims.ts";

export const CLAIM_PROTECTION = "kubernetes.io/pvc-protection";
export const VOLUME_PROTECTION = "kubernetes.io/pv-protection";
export const ATTRIBUTES_CLASS_PROTECTION = "kubernetes.io/vac-protection";

export function planProtection(
  { metadata }: KubeObject,
  finalizer: string,
  isUsed: boolean,
): "add" | "remove" | "nothing" {
  const isProtected = metadata.finalizers?.includes(finalizer) === true;
  if (metadata.deletionTimestamp === undefined) return isProtected ? "nothing" : "add";
  return isProtected && !isUsed ? "remove" : "nothing";
}

/** A pod without a node cannot start with a claim that is being deleted, so it does not count. */
export function isHeldBy(claim: PersistentVolumeClaim, pod: Pod): boolean {
  if (nodeOf(pod) === "") return false;
  const named = (pod.spec?.volumes ?? []).some(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.metadata.name,
  );
  // An ephemeral volume's claim is the pod's own; another claim may have its name by chance.
  const isOwned = (claim.metadata.ownerReferences ?? []).some(({ uid }) => uid === pod.metadata.uid);
  return named || isOwned;
}
