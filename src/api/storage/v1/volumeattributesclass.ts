/** VolumeAttributesClass names attributes of volumes that may change while they are used. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { VolumeAttributesClass } from "./types.gen.ts";
import { validateVolumeAttributesClass, validateVolumeAttributesClassUpdate } from "./validation.ts";

export const VolumeAttributesClasses: Kind<VolumeAttributesClass> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttributesClass",
  names: { plural: "volumeattributesclasses", singular: "volumeattributesclass", short: ["vac"] },
  scope: "Cluster",
  subresources: [],
  validate: validateVolumeAttributesClass,
  validateUpdate: validateVolumeAttributesClassUpdate,
  columns: [nameColumn, text("DriverName", (vac) => vac.driverName), ageColumn],
};
