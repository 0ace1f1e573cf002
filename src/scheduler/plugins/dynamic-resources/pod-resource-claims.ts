/** The ResourceClaims of a pod. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { controllerOf, keyOf, quote } from "#apimachinery";

export type FindClaim = (key: string) => ResourceClaim | undefined;

/** The claims, or why the pod cannot have them yet. */
export function podResourceClaims(
  { metadata, spec, status }: Pod,
  find: FindClaim,
): readonly ResourceClaim[] | string {
  const claims: ResourceClaim[] = [];
  const { name: podName, namespace = "", uid = "" } = metadata;
  for (const { name, resourceClaimName, resourceClaimTemplateName } of spec?.resourceClaims ?? []) {
    let claimName = resourceClaimName;
    if (claimName === undefined && resourceClaimTemplateName !== undefined) {
      const made = status?.resourceClaimStatuses?.find((own) => own.name === name);
      if (made === undefined) return `pod "${namespace}/${podName}": ResourceClaim not created yet`;
      if (made.resourceClaimName === undefined) continue; // no claim is needed
      claimName = made.resourceClaimName;
    }
    if (claimName === undefined) continue;
    const claim = find(`${namespace}/${claimName}`);
    if (claim === undefined) return `resourceclaim.resource.k8s.io ${quote(claimName)} not found`;
    if (claim.metadata.deletionTimestamp !== undefined)
      return `resourceclaim ${quote(claimName)} is being deleted`;
    if (resourceClaimTemplateName !== undefined && controllerOf(claim)?.uid !== uid)
      return `ResourceClaim ${keyOf(claim)} was not created for Pod ${namespace}/${podName} (Pod is not owner)`;
    claims.push(claim);
  }
  return claims;
}

export function isReservedFor({ status }: ResourceClaim, uid: string): boolean {
  return (status?.reservedFor ?? []).some((consumer) => consumer.uid === uid);
}

/** Upstream's ResourceClaimReservedForMaxSize. */
const RESERVED_FOR_MAX = 256;

export function canBeReserved({ status }: ResourceClaim): boolean {
  return (status?.reservedFor ?? []).length < RESERVED_FOR_MAX;
}
