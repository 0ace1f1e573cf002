/**
 * What makes a volume fit a claim: the scheduler and the volume binder must agree on it, or pods wait on nodes for
 * volumes that they never get. Parts of upstream's `FindMatchingVolume`. Pure.
 * @module
 */
import { compareAmounts } from "#apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.gen.ts";

const ZERO = "0";

/** Bound to this very claim, or kept for one of this name. */
export function isKeptFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { name, namespace, uid = "" } = spec?.claimRef ?? {};
  return name === metadata.name && namespace === metadata.namespace && (uid === "" || uid === metadata.uid);
}

export function isLargeEnough(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  return compareAmounts(capacityOf(volume), spec?.resources?.requests?.["storage"] ?? ZERO) >= 0;
}

export function hasMode(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeMode ?? "Filesystem") === (claim.spec?.volumeMode ?? "Filesystem");
}

export function hasAttributes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeAttributesClassName ?? "") === (claim.spec?.volumeAttributesClassName ?? "");
}

export function hasAccessModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode) === true);
}

/** For sorting: the smallest first. */
export function compareCapacity(a: PersistentVolume, b: PersistentVolume): number {
  return compareAmounts(capacityOf(a), capacityOf(b));
}

function capacityOf({ spec }: PersistentVolume): string {
  return spec?.capacity?.["storage"] ?? ZERO;
}
