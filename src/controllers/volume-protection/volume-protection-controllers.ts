/** Claims that pods use, and volumes that claims use, are not deleted: finalizers hold them back until then. @module */
import type { Kind } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { claimsOfPod, indexPodsByClaim, nodeOf, podsUsing } from "../volume/claims.ts";
import { carryOut } from "./carry-out.ts";
import { CLAIM_PROTECTION, isHeldBy, planProtection, VOLUME_PROTECTION } from "./plan.ts";

/** Safe on a stale cache: before the finalizer goes, pods are listed afresh; writes carry the resourceVersion. */
export function persistentVolumeClaimProtectionController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const pods = informers.informer(Pods);
  indexPodsByClaim(pods);
  const claims = informers.lister(PersistentVolumeClaims);
  return {
    name: "persistentvolumeclaim-protection-controller",
    reconciles: PersistentVolumeClaims as Kind,
    watches: [
      source(Pods, (pod, old) => (old !== undefined && nodeOf(pod) === nodeOf(old) ? [] : claimsOfPod(pod))),
    ],
    async reconcile(key, signal) {
      const claim = claims.get(key);
      if (claim === undefined) return {};
      const isUsed = podsUsing(pods.lister, key).some((pod) => isHeldBy(claim, pod));
      const action = planProtection(claim, CLAIM_PROTECTION, isUsed);
      if (action === "remove") {
        const { items } = await client.list(Pods, { namespace: claim.metadata.namespace! }, signal);
        if (items.some((pod) => claimsOfPod(pod).includes(keyOf(claim)) && isHeldBy(claim, pod))) return {};
      }
      await carryOut(context, PersistentVolumeClaims, claim, CLAIM_PROTECTION, action, signal);
      return {};
    },
  };
}

/** Safe on a stale cache: writes carry the resourceVersion that they were decided on. */
export function persistentVolumeProtectionController(context: ControllerContext): Controller {
  const volumes = context.informers.lister(PersistentVolumes);
  return {
    name: "persistentvolume-protection-controller",
    reconciles: PersistentVolumes as Kind,
    async reconcile(key, signal) {
      const volume = volumes.get(key);
      if (volume === undefined) return {};
      const action = planProtection(volume, VOLUME_PROTECTION, volume.status?.phase === "Bound");
      await carryOut(context, PersistentVolumes, volume, VOLUME_PROTECTION, action, signal);
      return {};
    },
  };
}
