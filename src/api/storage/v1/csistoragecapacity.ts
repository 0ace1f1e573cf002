/** CSIStorageCapacity tells how much a storage class can still give in a part of the cluster. @module */
import type { Kind } from "#apimachinery";
import { nameColumn, text } from "../../printing/columns.ts";
import { warningsForNodeSelector } from "../../node/v1/deprecated-labels.ts";
import type { CSIStorageCapacity } from "./types.gen.ts";
import { validateCSIStorageCapacity, validateCSIStorageCapacityUpdate } from "./validation.ts";

export const CSIStorageCapacities: Kind<CSIStorageCapacity> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIStorageCapacity",
  names: { plural: "csistoragecapacities", singular: "csistoragecapacity" },
  scope: "Namespaced",
  subresources: [],
  validate: validateCSIStorageCapacity,
  validateUpdate: validateCSIStorageCapacityUpdate,
  strategy: {
    allowUnconditionalUpdate: false,
    warnings: ({ nodeTopology }) => warningsForNodeSelector(nodeTopology, "nodeTopology"),
  },
  columns: [
    nameColumn,
    text("StorageClassName", (capacity) => capacity.storageClassName),
    text("Capacity", (capacity) => capacity.capacity ?? "<unset>"),
  ],
};
