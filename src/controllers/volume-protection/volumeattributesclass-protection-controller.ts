/** VolumeAttributesClasses that claims or volumes name are not deleted: a finalizer holds them back until then. @module */
import type { Kind } from "#apimachinery";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { VolumeAttributesClasses } from "#api/storage/v1/volumeattributesclass";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex } from "../indexes.ts";
import { carryOut } from "./carry-out.ts";
import { ATTRIBUTES_CLASS_PROTECTION, planProtection } from "./plan.ts";

const BY_CLASS = "controllers/volumeattributesclass";

/**
 * Asks the caches alone, as upstream: a class may go although a claim that names it was made at the same moment, and
 * that claim's driver finds it gone. Writes carry the resourceVersion that they were decided on.
 */
export function volumeAttributesClassProtectionController(context: ControllerContext): Controller {
  const { informers } = context;
  const claims = informers.informer(PersistentVolumeClaims);
  const volumes = informers.informer(PersistentVolumes);
  ensureIndex(claims, BY_CLASS, classesOfClaim);
  ensureIndex(volumes, BY_CLASS, classesOfVolume);
  const classes = informers.lister(VolumeAttributesClasses);
  const isUsed = (name: string): boolean =>
    volumes.lister.byIndex(BY_CLASS, name).length > 0 || claims.lister.byIndex(BY_CLASS, name).length > 0;
  return {
    name: "volumeattributesclass-protection-controller",
    reconciles: VolumeAttributesClasses as unknown as Kind,
    enqueues: (vac) => planProtection(vac, ATTRIBUTES_CLASS_PROTECTION, false) !== "nothing",
    watches: [
      source(PersistentVolumeClaims, (claim, old, change) => released(classesOfClaim, claim, old, change)),
      source(PersistentVolumes, (volume, old, change) => released(classesOfVolume, volume, old, change)),
    ],
    async reconcile(key, signal) {
      const vac = classes.get(key);
      if (vac === undefined) return {};
      const action = planProtection(vac, ATTRIBUTES_CLASS_PROTECTION, isUsed(key));
      await carryOut(context, VolumeAttributesClasses, vac, ATTRIBUTES_CLASS_PROTECTION, action, signal);
      return {};
    },
  };
}

/** The class it asks for, the one it has, and the one it is on its way to. */
export function classesOfClaim({ spec, status }: PersistentVolumeClaim): readonly string[] {
  return named(
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  );
}

export function classesOfVolume({ spec }: PersistentVolume): readonly string[] {
  return named(spec?.volumeAttributesClassName);
}

/** What is named no longer. */
function released<T>(
  classesOf: (object: T) => readonly string[],
  object: T,
  old: T | undefined,
  change: "add" | "update" | "delete",
): readonly string[] {
  if (change === "delete") return classesOf(object);
  if (old === undefined) return [];
  const now = classesOf(object);
  return classesOf(old).filter((name) => !now.includes(name));
}

function named(...names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names)].flatMap((name) => (name === undefined || name === "" ? [] : [name]));
}
