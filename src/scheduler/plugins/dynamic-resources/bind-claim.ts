/** Writes into a ResourceClaim what was allocated for it and which pod uses it. @module */
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import type { AllocationResult, ResourceClaim } from "#api/resource/v1/types.gen";
import { formatTime, isConflict, keyOf, type Clock } from "#apimachinery";
import type { Client } from "#client";
import type { PodInfo } from "../../cache/pod-info.ts";

/** Keeps a claim that is in use from going away. */
export const FINALIZER = "resource.kubernetes.io/delete-protection";
/** Of a write that others cross. */
export const TRIES = 5;

export interface ClaimWriter {
  readonly client: Client;
  readonly clock: Clock;
}

/** Resolves with the claim as it is then. Rejects when somebody else was quicker. */
export async function bindClaim(
  { client, clock }: ClaimWriter,
  known: ResourceClaim,
  allocation: AllocationResult | undefined,
  { pod, uid }: PodInfo,
  signal: AbortSignal,
): Promise<ResourceClaim> {
  let claim = known;
  for (let i = 1; ; i++) {
    try {
      const { deletionTimestamp, finalizers = [] } = claim.metadata;
      const key = keyOf(claim);
      if (deletionTimestamp !== undefined) throw new Error(`claim ${key} got deleted in the meantime`);
      if (allocation !== undefined && claim.status?.allocation !== undefined)
        throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
      if (allocation === undefined && claim.status?.allocation === undefined)
        throw new Error(`claim ${key} got deallocated elsewhere in the meantime`);
      if (allocation !== undefined && !finalizers.includes(FINALIZER)) {
        const metadata = { ...claim.metadata, finalizers: [...finalizers, FINALIZER] };
        claim = await client.update(ResourceClaims, { ...claim, metadata }, signal);
      }
      const consumer = { resource: "pods", name: pod.metadata.name, uid };
      const status = {
        ...claim.status,
        allocation: {
          allocationTimestamp: formatTime(clock.now()),
          ...(allocation ?? claim.status?.allocation),
        },
        reservedFor: [...(claim.status?.reservedFor ?? []), consumer],
      };
      return await client.updateStatus(ResourceClaims, { ...claim, status }, signal);
    } catch (err) {
      if (!isConflict(err) || i >= TRIES) throw err;
      claim = await client.get(ResourceClaims, claim.metadata, signal);
    }
  }
}

/** The pod does not use the claim after all. */
export async function unreserveClaim(
  { client }: ClaimWriter,
  claim: ResourceClaim,
  podUid: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace = "", uid } = claim.metadata;
  const body = {
    metadata: { uid },
    status: { reservedFor: [{ $patch: "delete", uid: podUid }] },
  };
  await client.patch(ResourceClaims, { name, namespace }, { type: "strategic", body }, signal, {
    subresource: "status",
  });
}

/** An idle claim that is where the pod cannot be is given back. */
export async function deallocateClaim(
  { client }: ClaimWriter,
  claim: ResourceClaim,
  signal: AbortSignal,
): Promise<void> {
  await client.updateStatus(ResourceClaims, { ...claim, status: {} }, signal);
}
