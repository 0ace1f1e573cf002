/** The storage class that a claim or volume names. Pure. @module */
import type { PersistentVolume, PersistentVolumeClaim } from "./types.gen.ts";

/** As it was said before there was a field; it counts first. */
export const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** Empty: no class is wanted; undefined: nothing is said of it. */
export function givenStorageClass({
  metadata,
  spec,
}: PersistentVolumeClaim | PersistentVolume): string | undefined {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName;
}

/** Empty: no class, said or not. */
export function storageClassOf(object: PersistentVolumeClaim | PersistentVolume): string {
  return givenStorageClass(object) ?? "";
}
