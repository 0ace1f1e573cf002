/** Makes the claims of generic ephemeral volumes. @module */
import type { Kind } from "#apimachinery";
import { isAlreadyExists, keyOf, messageOf } from "#apimachinery";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { PersistentVolumeClaim, Pod, Volume } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { indexPodsByClaim, podsUsing } from "../volume/claims.ts";
import { claimFor, conflictWith, hasEphemeralVolume } from "./plan.ts";

const PREFIX = "ephemeral_volume_controller";

/** Safe on a stale cache: claims have fixed names, and one that exists already is read before it counts as another's. */
export function ephemeralVolumeController(context: ControllerContext): Controller {
  const { client, informers, metrics, recorder } = context;
  const pods = informers.informer(Pods);
  indexPodsByClaim(pods);
  const claims = informers.lister(PersistentVolumeClaims);

  async function ensureClaim(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const wanted = claimFor(pod, volume);
    if (wanted === undefined) return;
    const claim = claims.get(keyOf(wanted)) ?? (await create(wanted, signal));
    const conflict = conflictWith(pod, claim);
    if (conflict !== undefined) throw new Error(conflict);
  }

  async function create(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolumeClaim> {
    metrics?.inc(`${PREFIX}_create_total`, {});
    try {
      return await client.create(PersistentVolumeClaims, claim, signal);
    } catch (err) {
      if (isAlreadyExists(err)) return await client.get(PersistentVolumeClaims, claim.metadata, signal);
      metrics?.inc(`${PREFIX}_create_failures_total`, {});
      throw new Error(`create PVC ${claim.metadata.name}: ${messageOf(err)}`, { cause: err });
    }
  }

  return {
    name: "ephemeral-volume-controller",
    eventSource: "ephemeral_volume",
    reconciles: Pods as Kind,
    enqueues: (object) =>
      object.metadata.deletionTimestamp === undefined && hasEphemeralVolume(object as unknown as Pod),
    watches: [
      source(PersistentVolumeClaims, (claim, _old, change) =>
        change === "delete" ? podsUsing(pods.lister, keyOf(claim)).filter(hasEphemeralVolume).map(keyOf) : [],
      ),
    ],
    async reconcile(key, signal) {
      const pod = pods.lister.get(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return {};
      for (const volume of pod.spec?.volumes ?? []) {
        try {
          await ensureClaim(pod, volume, signal);
        } catch (err) {
          const reason = messageOf(err);
          recorder.event(pod, "Warning", "FailedBinding", `ephemeral volume ${volume.name}: ${reason}`);
          throw new Error(`pod ${key}, ephemeral volume ${volume.name}: ${reason}`, { cause: err });
        }
      }
      return {};
    },
  };
}
