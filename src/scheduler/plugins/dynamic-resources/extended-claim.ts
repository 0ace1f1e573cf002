/** Writes the ResourceClaim that stands for the extended resources of a pod, and takes it back. @module */
import { Pods } from "#api/core/v1/pod";
import type { ContainerExtendedResourceRequest } from "#api/core/v1/types.gen";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { isConflict, isNotFound, messageOf } from "#apimachinery";
import type { Client, MetricsSink } from "#client";
import type { PodInfo } from "../../cache/pod-info.ts";
import { FINALIZER, TRIES } from "./bind-claim.ts";

export interface ExtendedClaimWriter {
  readonly client: Client;
  readonly metrics: MetricsSink | undefined;
}

/** Under a name that the API makes. */
export async function createExtendedClaim(
  { client, metrics }: ExtendedClaimWriter,
  { metadata, ...draft }: ResourceClaim,
  signal: AbortSignal,
): Promise<ResourceClaim> {
  const count = (status: string): void => metrics?.inc("scheduler_resourceclaim_creates_total", { status });
  const { uid: _, ...meta } = { ...metadata, name: "" };
  try {
    const created = await client.create(ResourceClaims, { ...draft, metadata: meta }, signal);
    count("success");
    return created;
  } catch (err) {
    count("failure");
    const what = `create claim for extended resources ${metadata.namespace}/${metadata.generateName}`;
    throw new Error(`${what}: ${messageOf(err)}`, { cause: err });
  }
}

/** The kubelet learns from the pod's status which devices its containers get. */
export async function noteExtendedClaim(
  { client }: ExtendedClaimWriter,
  { pod }: PodInfo,
  { metadata }: ResourceClaim,
  requestMappings: readonly ContainerExtendedResourceRequest[],
  signal: AbortSignal,
): Promise<void> {
  const extendedResourceClaimStatus = { requestMappings, resourceClaimName: metadata.name };
  const body = { metadata: { uid: pod.metadata.uid }, status: { extendedResourceClaimStatus } };
  await client.patch(Pods, pod.metadata, { type: "strategic", body }, signal, { subresource: "status" });
}

/** Resolves also when somebody else was quicker. */
export async function deleteExtendedClaim(
  { client }: ExtendedClaimWriter,
  known: ResourceClaim,
  signal: AbortSignal,
): Promise<void> {
  let claim = known;
  for (let i = 1; ; i++) {
    try {
      const finalizers = claim.metadata.finalizers ?? [];
      if (finalizers.includes(FINALIZER)) {
        const metadata = { ...claim.metadata, finalizers: finalizers.filter((name) => name !== FINALIZER) };
        claim = await client.update(ResourceClaims, { ...claim, metadata }, signal);
      }
      const { uid } = claim.metadata;
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await client.delete(ResourceClaims, claim.metadata, signal, preconditions);
      return;
    } catch (err) {
      if (isNotFound(err)) return;
      if (!isConflict(err) || i >= TRIES) throw err;
    }
    try {
      claim = await client.get(ResourceClaims, claim.metadata, signal);
    } catch (err) {
      if (isNotFound(err)) return;
      throw err;
    }
  }
}
