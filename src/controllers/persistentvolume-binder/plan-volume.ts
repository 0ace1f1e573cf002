/** What is to be done about one volume, without clock, cache or network. @module */
import { quote } from "#apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { hasMode } from "#api/core/v1/volume-match";
import { hasAnnotation, PROVISIONED_BY } from "../volume/claims.ts";
import type { VolumeEvent } from "./plan-claim.ts";

export type VolumeAction =
  | { readonly do: "nothing" }
  | { readonly do: "phase"; readonly phase: string; readonly message?: string }
  | { readonly do: "unbind" };

export type VolumePlan = VolumeAction & {
  readonly events: readonly VolumeEvent[];
  /** Events about the claim. */
  readonly claimEvents?: readonly VolumeEvent[];
};

const NOTHING: VolumePlan = { do: "nothing", events: [] };

/** `claim` is the one that `spec.claimRef` names, with the same uid; undefined when that is gone. */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumePlan {
  const ref = volume.spec?.claimRef;
  if (ref === undefined || (ref.uid ?? "") === "") return phase(volume, "Available");
  if (claim === undefined) return release(volume);
  const bound = claim.spec?.volumeName ?? "";
  if (bound === volume.metadata.name) return phase(volume, "Bound");
  if (bound === "") return hasMode(volume, claim) ? NOTHING : mismatch(volume, claim);
  const isOurs =
    hasAnnotation(volume, PROVISIONED_BY) && volume.spec?.persistentVolumeReclaimPolicy === "Delete";
  return isOurs ? release(volume) : { do: "unbind", events: [] };
}

function phase(volume: PersistentVolume, wanted: string): VolumePlan {
  return volume.status?.phase === wanted ? NOTHING : { do: "phase", phase: wanted, events: [] };
}

/** First the phase says so, then the policy decides; a volume that was provisioned is left to its provisioner. */
function release(volume: PersistentVolume): VolumePlan {
  const now = volume.status?.phase;
  if (now !== "Released" && now !== "Failed") return { do: "phase", phase: "Released", events: [] };
  if (now === "Failed") return NOTHING;
  const { name } = volume.metadata;
  switch (volume.spec?.persistentVolumeReclaimPolicy ?? "Retain") {
    case "Retain":
      return NOTHING;
    case "Delete":
      if (hasAnnotation(volume, PROVISIONED_BY)) return NOTHING;
      return fail(
        "VolumeFailedDelete",
        `error getting deleter volume plugin for volume ${quote(name)}: no deletable volume plugin matched`,
      );
    case "Recycle":
      return fail("VolumeFailedRecycle", "No recycler plugin found for the volume!");
    default:
      return fail("VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  }
}

function fail(reason: string, message: string): VolumePlan {
  return { do: "phase", phase: "Failed", message, events: [{ type: "Warning", reason, message }] };
}

function warn(message: string): VolumeEvent {
  return { type: "Warning", reason: "VolumeMismatch", message };
}

function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): VolumePlan {
  const why = "due to incompatible volumeMode.";
  const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${quote(claim.metadata.name)} ${why}`;
  const ofClaim = `Cannot bind PersistentVolume ${quote(volume.metadata.name)} to requested PersistentVolumeClaim ${why}`;
  return { do: "nothing", events: [warn(ofVolume)], claimEvents: [warn(ofClaim)] };
}
