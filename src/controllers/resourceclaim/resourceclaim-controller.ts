/** Takes pods that are gone from the claims they used, and gives back what nobody uses. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, isNotFound } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import type { ResourceClaim, ResourceClaimConsumerReference } from "#api/resource/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { LastWrites } from "../last-writes.ts";
import { unlessGone } from "../unless-gone.ts";
import { isPodReference, planClaim } from "./plan-claim.ts";
import { isPodDone, resourceClaimsOf } from "./pod-claims.ts";

/** Deleted pods that need not be asked for; upstream's maxUIDCacheEntries. */
const DELETED_PODS_MAX = 500;

/** Safe on a stale cache: a pod that is not in it is asked for, and writes carry the resourceVersion. */
export function resourceClaimController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const claims = informers.lister(ResourceClaims);
  const pods = informers.lister(Pods);
  const lastWrites = new LastWrites();
  const deletedPods = new Set<string>();

  /** The scheduler may reserve a claim for a pod that this cache does not show yet. */
  async function isGone(
    namespace: string,
    { name, uid }: ResourceClaimConsumerReference,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (deletedPods.has(uid)) return true;
    const pod = pods.get(`${namespace}/${name}`);
    if (pod !== undefined) return pod.metadata.uid !== uid || isPodDone(pod);
    try {
      return (await client.get(Pods, { namespace, name }, signal)).metadata.uid !== uid;
    } catch (err) {
      if (isNotFound(err)) return true;
      throw err;
    }
  }

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Record<string, never>> {
    const claim = claims.get(key);
    if (claim === undefined) {
      lastWrites.forget(key);
      return {};
    }
    if (lastWrites.isBehind(claim)) return {};
    const namespace = claim.metadata.namespace ?? "";
    const gone = new Set<ResourceClaimConsumerReference>();
    for (const consumer of claim.status?.reservedFor ?? [])
      if (isPodReference(consumer) && (await isGone(namespace, consumer, signal))) gone.add(consumer);
    const owner = pods.get(`${namespace}/${controllerOf(claim)?.name ?? ""}`);
    const p = planClaim(claim, (consumer) => gone.has(consumer), owner);
    let latest: ResourceClaim | undefined = claim;
    if (p.status !== undefined) {
      const changed = { ...claim, status: p.status };
      latest = await unlessGone(client.updateStatus(ResourceClaims, changed, signal));
      lastWrites.note(latest);
    }
    if (p.finalizers !== undefined && latest !== undefined) {
      const changed = { ...latest, metadata: { ...latest.metadata, finalizers: p.finalizers } };
      lastWrites.note(await unlessGone(client.update(ResourceClaims, changed, signal)));
    }
    if (p.remove && claim.metadata.deletionTimestamp === undefined) {
      const preconditions = { uid: claim.metadata.uid! };
      await unlessGone(client.delete(ResourceClaims, claim.metadata, signal, { preconditions }));
    }
    return {};
  }

  /** Those of pods that need them no longer; the scheduler's own one for extended resources too. */
  function claimsReleased(pod: Pod, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
    if (pod.spec?.resourceClaims === undefined && extended === undefined) return [];
    if (change === "delete") noteDeleted(deletedPods, pod);
    else if (!isPodDone(pod)) return [];
    const keys = resourceClaimsOf(pod);
    return extended === undefined ? keys : [...keys, `${pod.metadata.namespace}/${extended}`];
  }

  return {
    name: "resourceclaim-controller",
    eventSource: "resource_claim",
    reconciles: ResourceClaims as unknown as Kind,
    watches: [source(Pods, (pod, _old, change) => claimsReleased(pod, change))],
    reconcile,
  };
}

/** The oldest is forgotten: it is asked for again. */
function noteDeleted(deletedPods: Set<string>, { metadata }: Pod): void {
  if (deletedPods.size >= DELETED_PODS_MAX) {
    for (const oldest of deletedPods.keys().take(1)) deletedPods.delete(oldest);
  }
  deletedPods.add(metadata.uid ?? "");
}
