/** CSIDriver says how the cluster treats the volumes of a storage driver. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, boolean, nameColumn, text } from "../../printing/columns.ts";
import type { CSIDriver } from "./types.gen.ts";
import {
  csiDriverWarnings,
  prepareForCreate,
  prepareForUpdate,
  validateCSIDriver,
  validateCSIDriverUpdate,
} from "./csidriver-validation.ts";

export const CSIDrivers: Kind<CSIDriver> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIDriver",
  names: { plural: "csidrivers", singular: "csidriver" },
  scope: "Cluster",
  subresources: [],
  defaults: defaultCSIDriver,
  validate: validateCSIDriver,
  validateUpdate: validateCSIDriverUpdate,
  strategy: {
    allowUnconditionalUpdate: false,
    prepareForCreate,
    prepareForUpdate,
    warnings: csiDriverWarnings,
  },
  columns: [
    nameColumn,
    boolean("AttachRequired", ({ spec }) => spec.attachRequired ?? true),
    boolean("PodInfoOnMount", ({ spec }) => spec.podInfoOnMount ?? false),
    boolean("StorageCapacity", ({ spec }) => spec.storageCapacity ?? false),
    text("TokenRequests", ({ spec }) => spec.tokenRequests?.map((t) => t.audience).join(",") ?? "<unset>"),
    boolean("RequiresRepublish", ({ spec }) => spec.requiresRepublish ?? false),
    text("Modes", ({ spec }) => (spec.volumeLifecycleModes ?? []).join(",") || "<none>"),
    ageColumn,
  ],
};

function defaultCSIDriver(driver: CSIDriver): CSIDriver {
  const { spec } = driver;
  const modes = spec.volumeLifecycleModes ?? [];
  return {
    ...driver,
    spec: {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: "ReadWriteOnceWithFSType",
      requiresRepublish: false,
      seLinuxMount: false,
      ...spec,
      volumeLifecycleModes: modes.length > 0 ? modes : ["Persistent"],
    },
  };
}
