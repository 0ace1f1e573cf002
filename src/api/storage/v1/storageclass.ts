/** StorageClass names a kind of storage and who provisions it. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { isDefaultClass } from "./default-class.ts";
import type { StorageClass } from "./types.gen.ts";
import { storageClassWarnings, validateStorageClass, validateStorageClassUpdate } from "./validation.ts";

export const StorageClasses: Kind<StorageClass> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "StorageClass",
  names: { plural: "storageclasses", singular: "storageclass", short: ["sc"] },
  scope: "Cluster",
  subresources: [],
  defaults: (sc) => ({ reclaimPolicy: "Delete", volumeBindingMode: "Immediate", ...sc }),
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  strategy: { warnings: storageClassWarnings },
  columns: [
    {
      ...nameColumn,
      value: (sc) => (isDefaultClass(sc) ? `${sc.metadata.name} (default)` : sc.metadata.name),
    },
    text("Provisioner", (sc) => sc.provisioner),
    text("ReclaimPolicy", (sc) => sc.reclaimPolicy ?? "Delete"),
    text("VolumeBindingMode", (sc) => sc.volumeBindingMode ?? "Immediate"),
    text("AllowVolumeExpansion", (sc) => sc.allowVolumeExpansion ?? false),
    ageColumn,
  ],
};
