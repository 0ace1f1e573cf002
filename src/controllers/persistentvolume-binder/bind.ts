/** The states of a claim and a volume as they are bound to each other, and let go of again. Pure. @module */
import type { ObjectMeta } from "#apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { isKeptFor } from "#api/core/v1/volume-match";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, hasAnnotation } from "../volume/claims.ts";

/** The same object when the volume points at this very claim already. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const ref = volume.spec?.claimRef;
  const points = ref?.name === name && ref.namespace === namespace && ref.uid === uid;
  const marks = !isKeptFor(volume, claim) && !hasAnnotation(volume, BOUND_BY_CONTROLLER);
  if (points && !marks) return volume;
  const claimRef = {
    kind: "PersistentVolumeClaim",
    apiVersion: "v1",
    name,
    namespace: namespace!,
    uid: uid!,
    resourceVersion: resourceVersion!,
  };
  return {
    ...volume,
    metadata: marks ? annotated(volume.metadata, { [BOUND_BY_CONTROLLER]: "yes" }) : volume.metadata,
    spec: { ...volume.spec, ...(!points && { claimRef }) },
  };
}

/** The same object when the claim names the volume already. */
export function boundClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const isNamed = claim.spec?.volumeName === volume.metadata.name;
  if (isNamed && hasAnnotation(claim, BIND_COMPLETED)) return claim;
  const marks = { [BIND_COMPLETED]: "yes", ...(!isNamed && { [BOUND_BY_CONTROLLER]: "yes" }) };
  return {
    ...claim,
    metadata: annotated(claim.metadata, marks),
    spec: { ...claim.spec, volumeName: volume.metadata.name },
  };
}

/** The same object when the status says so already. A size changes only when the claim becomes bound. */
export function boundClaimStatus(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim {
  const { phase, accessModes, capacity, currentVolumeAttributesClassName: attributes } = claim.status ?? {};
  const modes = volume.spec?.accessModes ?? [];
  const isSame = accessModes?.join() === modes.join();
  if (phase === "Bound" && isSame) return claim;
  const given = volume.spec?.volumeAttributesClassName ?? attributes;
  return {
    ...claim,
    status: {
      ...claim.status,
      phase: "Bound",
      accessModes: modes,
      ...(phase !== "Bound" && volume.spec?.capacity !== undefined
        ? { capacity: volume.spec.capacity }
        : capacity !== undefined && { capacity }),
      ...(given !== undefined && given !== "" && { currentVolumeAttributesClassName: given }),
    },
  };
}

/** The same object when nothing changes. */
export function claimInPhase(claim: PersistentVolumeClaim, phase: "Pending" | "Lost"): PersistentVolumeClaim {
  const {
    phase: before,
    accessModes,
    capacity,
    currentVolumeAttributesClassName: attributes,
    ...rest
  } = claim.status ?? {};
  const isSame =
    before === phase && accessModes === undefined && capacity === undefined && attributes === undefined;
  return isSame ? claim : { ...claim, status: { ...rest, phase } };
}

/** A binding that this controller made goes altogether; one that the user made stays reserved for the claim's name. */
export function unboundVolume(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...spec } = volume.spec ?? {};
  if (!hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const { uid: _uid, resourceVersion: _version, ...kept } = claimRef ?? {};
    return { ...volume, spec: { ...spec, claimRef: kept } };
  }
  const { [BOUND_BY_CONTROLLER]: _mark, ...annotations } = volume.metadata.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}

export function annotated(metadata: ObjectMeta, more: Readonly<Record<string, string>>): ObjectMeta {
  return { ...metadata, annotations: { ...metadata.annotations, ...more } };
}
