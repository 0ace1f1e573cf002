/** What becomes of a ResourceClaim when those that use it go. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type {
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
} from "#api/resource/v1/types.gen";
import { controllerOf } from "#apimachinery";
import { isPodDone } from "./pod-claims.ts";

const FINALIZER = "resource.kubernetes.io/delete-protection";

export interface ClaimPlan {
  /** To write first; undefined: as it is. */
  readonly status?: ResourceClaimStatus;
  /** To write after the status; undefined: as they are. */
  readonly finalizers?: readonly string[];
  /** Nothing will use it any more. */
  readonly remove: boolean;
}

export function isPodReference({ apiGroup = "", resource }: ResourceClaimConsumerReference): boolean {
  return apiGroup === "" && resource === "pods";
}

/**
 * `isGone`: the consumer is known not to use the claim any more.
 * `owner`: the pod of the cache that has the name of the claim's owner.
 */
export function planClaim(
  claim: ResourceClaim,
  isGone: (consumer: ResourceClaimConsumerReference) => boolean,
  owner: Pod | undefined,
): ClaimPlan {
  const before = claim.status?.reservedFor ?? [];
  const remaining = before.filter((consumer) => !isGone(consumer));
  const remove = remaining.length === 0 && isOwnerDone(claim, owner);
  const finalizers = claim.metadata.finalizers ?? [];
  const isOurs = finalizers.includes(FINALIZER);
  const isUnused = remaining.length === 0 && isOurs;
  const isReleased = remaining.length < before.length;
  if (!isReleased && !(isUnused && claim.metadata.deletionTimestamp !== undefined)) return { remove };
  const status = statusOf(claim.status ?? {}, remaining, isUnused);
  const isChanged = isReleased || claim.status?.allocation !== undefined;
  return {
    ...(isChanged && { status }),
    ...(isOurs &&
      status.allocation === undefined && { finalizers: finalizers.filter((name) => name !== FINALIZER) }),
    remove,
  };
}

/** The last one that leaves gives the devices back: whoever comes next may need others. */
function statusOf(
  status: ResourceClaimStatus,
  remaining: readonly ResourceClaimConsumerReference[],
  isUnused: boolean,
): ResourceClaimStatus {
  const { allocation, devices } = status;
  return {
    ...(allocation !== undefined && !isUnused && { allocation }),
    ...(remaining.length > 0 && { reservedFor: remaining }),
    ...(devices !== undefined && { devices }),
  };
}

/** An owner that the cache does not have may only be new: garbage collection knows. */
function isOwnerDone(claim: ResourceClaim, owner: Pod | undefined): boolean {
  const ref = controllerOf(claim);
  if (ref?.kind !== "Pod" || ref.apiVersion !== "v1" || owner === undefined) return false;
  return owner.metadata.uid !== ref.uid || isPodDone(owner);
}
