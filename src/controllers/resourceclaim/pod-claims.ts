/** Which ResourceClaims a pod names, and whether they are its own. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import { controllerOf, keyOf } from "#apimachinery";
import type { Pod, PodResourceClaim } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { Lister, SharedInformer } from "#client";
import { isPodTerminal } from "#api/core/v1/pod-state";
import { ensureIndex } from "../indexes.ts";

const BY_CLAIM = "controllers/resourceclaim";

/**
 * - `notCreated`: the claim is still to be made from its template.
 * - `notNeeded`: it was found that the pod needs no claim.
 */
export type ClaimName = { readonly name: string; readonly isGenerated: boolean } | "notCreated" | "notNeeded";

export function claimNameOf({ status }: Pod, claim: PodResourceClaim): ClaimName {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, isGenerated: false };
  const known = status?.resourceClaimStatuses?.find(({ name }) => name === claim.name);
  if (known === undefined) return "notCreated";
  if (known.resourceClaimName === undefined) return "notNeeded";
  return { name: known.resourceClaimName, isGenerated: true };
}

/** Keys of the claims that exist as far as the pod knows. */
export function resourceClaimsOf(pod: Pod): readonly ObjectKey[] {
  return (pod.spec?.resourceClaims ?? []).flatMap((claim) => {
    const named = claimNameOf(pod, claim);
    return typeof named === "string" ? [] : [`${pod.metadata.namespace}/${named.name}`];
  });
}

/** Makes `podsNaming` possible. Before the informer starts. */
export function indexPodsByResourceClaim(informer: SharedInformer<Pod>): void {
  ensureIndex(informer, BY_CLAIM, resourceClaimsOf);
}

export function podsNaming(lister: Lister<Pod>, claim: KubeObject): readonly Pod[] {
  return lister.byIndex(BY_CLAIM, keyOf(claim));
}

/** Why the generated claim is not the pod's; undefined: it is. */
export function strangerTo(pod: Pod, claim: ResourceClaim): string | undefined {
  if (controllerOf(claim)?.uid === pod.metadata.uid) return undefined;
  return `ResourceClaim ${keyOf(claim)} was not created for Pod ${keyOf(pod)} (Pod is not owner)`;
}

export function isReservedForPod({ status }: ResourceClaim, { metadata }: Pod): boolean {
  return (status?.reservedFor ?? []).some(({ uid }) => uid === metadata.uid);
}

/** It is certain that none of its containers runs, or ever will. */
export function isPodDone(pod: Pod): boolean {
  return (
    isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && (pod.spec?.nodeName ?? "") === "")
  );
}
