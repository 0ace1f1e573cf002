/** Says of claims that ask for more whom they wait for: no volume is expanded in the control plane any more. @module */
import type { Kind } from "#apimachinery";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import type { PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { plan, STORAGE_RESIZER, wantsMore } from "./plan.ts";

/** Safe on a stale cache: the volume is read from the server, and what is written names a driver, whoever writes it. */
export function volumeExpandController({ client, informers, recorder }: ControllerContext): Controller {
  const claims = informers.lister(PersistentVolumeClaims);
  /** What was said of each claim, by its uid and size. Bounded by the claims that wait. */
  const told = new Map<string, string>();

  return {
    name: "persistentvolume-expander-controller",
    eventSource: "volume_expand",
    reconciles: PersistentVolumeClaims as Kind,
    enqueues: (object) => wantsMore(object as unknown as PersistentVolumeClaim),
    async reconcile(key, signal) {
      const claim = claims.get(key);
      if (claim === undefined || !wantsMore(claim)) {
        told.delete(key);
        return {};
      }
      const about = `${claim.metadata.uid} ${claim.spec?.resources?.requests?.["storage"]}`;
      if (told.get(key) === about) return {};
      const name = claim.spec?.volumeName ?? "";
      const { message, resizer } = plan(claim, await client.get(PersistentVolumes, { name }, signal));
      recorder.event(claim, "Normal", "ExternalExpanding", message);
      if (resizer !== undefined && claim.metadata.annotations?.[STORAGE_RESIZER] !== resizer) {
        const body = { metadata: { annotations: { [STORAGE_RESIZER]: resizer } } };
        await unlessGone(
          client.patch(PersistentVolumeClaims, claim.metadata, { type: "strategic", body }, signal),
        );
      }
      told.set(key, about);
      return {};
    },
  };
}
