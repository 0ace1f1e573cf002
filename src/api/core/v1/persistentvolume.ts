/** PersistentVolume is a piece of storage of the cluster. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text, wide } from "../../printing/columns.ts";
import { accessModes } from "./access-modes.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./persistentvolume-validation.ts";
import { warningsForVolume } from "./persistentvolume-warnings.ts";
import { storageClassOf } from "./storage-class-name.ts";
import type { PersistentVolume } from "./types.gen.ts";

export const PersistentVolumes: Kind<PersistentVolume> = {
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  names: { plural: "persistentvolumes", singular: "persistentvolume", short: ["pv"] },
  scope: "Cluster",
  subresources: ["status"],
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  strategy: {
    prepareForCreate: (pv) => ({ ...pv, status: { phase: "Pending" } }),
    warnings: warningsForVolume,
  },
  selectableFields: { name: (pv) => pv.metadata.name },
  columns: [
    nameColumn,
    text("Capacity", (pv) => pv.spec?.capacity?.["storage"] ?? "0"),
    text("Access Modes", (pv) => accessModes(pv.spec?.accessModes)),
    text("Reclaim Policy", (pv) => pv.spec?.persistentVolumeReclaimPolicy ?? ""),
    text("Status", (pv) =>
      pv.metadata.deletionTimestamp === undefined ? (pv.status?.phase ?? "") : "Terminating",
    ),
    text("Claim", claim),
    text("StorageClass", storageClassOf),
    text("VolumeAttributesClass", (pv) => pv.spec?.volumeAttributesClassName ?? "<unset>"),
    text("Reason", (pv) => pv.status?.reason ?? ""),
    ageColumn,
    wide("VolumeMode", (pv) => pv.spec?.volumeMode ?? "<unset>"),
  ],
};

function claim(pv: PersistentVolume): string {
  const ref = pv.spec?.claimRef;
  return ref === undefined ? "" : `${ref.namespace ?? ""}/${ref.name ?? ""}`;
}
