/** LimitRange sets defaults and bounds for the resources of a namespace's pods. @module */
import type { Kind } from "#apimachinery";
import { nameColumn } from "../../printing/columns.ts";
import { validateLimitRange } from "./limitrange-validation.ts";
import type { LimitRange } from "./types.gen.ts";

export const LimitRanges: Kind<LimitRange> = {
  group: "",
  version: "v1",
  kind: "LimitRange",
  names: { plural: "limitranges", singular: "limitrange", short: ["limits"] },
  scope: "Namespaced",
  subresources: [],
  validate: validateLimitRange,
  strategy: { allowCreateOnUpdate: true },
  columns: [
    nameColumn,
    { name: "Created At", type: "date", value: (object) => object.metadata.creationTimestamp },
  ],
};
