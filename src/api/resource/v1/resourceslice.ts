/** ResourceSlice lists devices that a driver offers. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { ResourceSlice } from "./types.gen.ts";
import { sliceWarnings, withoutDisabledFields, withTaintTimes } from "./slice-strategy.ts";
import { validateResourceSlice } from "./slice-validation.ts";

export const ResourceSlices: Kind<ResourceSlice> = {
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceSlice",
  names: { plural: "resourceslices", singular: "resourceslice" },
  scope: "Cluster",
  subresources: [],
  validate: validateResourceSlice,
  strategy: {
    prepareForCreate: (slice) => withTaintTimes(withoutDisabledFields(slice)),
    prepareForUpdate: (slice, old) => withTaintTimes(withoutDisabledFields(slice, old), old),
    warnings: sliceWarnings,
  },
  selectableFields: {
    "spec.nodeName": (slice) => slice.spec.nodeName ?? "",
    "spec.driver": (slice) => slice.spec.driver,
  },
  columns: [
    nameColumn,
    text("Node", (slice) => slice.spec.nodeName ?? ""),
    text("Driver", (slice) => slice.spec.driver),
    text("Pool", (slice) => slice.spec.pool.name),
    ageColumn,
  ],
};
