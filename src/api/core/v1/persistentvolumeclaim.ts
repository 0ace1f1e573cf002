/** PersistentVolumeClaim asks for storage. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text, wide } from "../../printing/columns.ts";
import { accessModes } from "./access-modes.ts";
import { persistentVolumeClaimStrategy } from "./persistentvolumeclaim-strategy.ts";
import {
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimStatusUpdate,
  validatePersistentVolumeClaimUpdate,
} from "./persistentvolumeclaim-validation.ts";
import { storageClassOf } from "./storage-class-name.ts";
import type { PersistentVolumeClaim } from "./types.gen.ts";

export const PersistentVolumeClaims: Kind<PersistentVolumeClaim> = {
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  names: { plural: "persistentvolumeclaims", singular: "persistentvolumeclaim", short: ["pvc"] },
  scope: "Namespaced",
  subresources: ["status"],
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
  validateStatusUpdate: validatePersistentVolumeClaimStatusUpdate,
  strategy: persistentVolumeClaimStrategy,
  selectableFields: { name: (pvc) => pvc.metadata.name },
  columns: [
    nameColumn,
    text("Status", (pvc) =>
      pvc.metadata.deletionTimestamp === undefined ? (pvc.status?.phase ?? "") : "Terminating",
    ),
    text("Volume", (pvc) => pvc.spec?.volumeName ?? ""),
    text("Capacity", (pvc) => (isBound(pvc) ? (pvc.status?.capacity?.["storage"] ?? "0") : "")),
    text("Access Modes", (pvc) => (isBound(pvc) ? accessModes(pvc.status?.accessModes) : "")),
    text("StorageClass", storageClassOf),
    text("VolumeAttributesClass", (pvc) => pvc.spec?.volumeAttributesClassName ?? "<unset>"),
    ageColumn,
    wide("VolumeMode", (pvc) => pvc.spec?.volumeMode ?? "<unset>"),
  ],
};

function isBound(pvc: PersistentVolumeClaim): boolean {
  return (pvc.spec?.volumeName ?? "") !== "";
}
