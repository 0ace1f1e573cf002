/** PriorityClass names how important pods are. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, boolean, integer, nameColumn, text } from "../../printing/columns.ts";
import type { PriorityClass } from "./types.gen.ts";
import { validatePriorityClass, validatePriorityClassUpdate } from "./validation.ts";

export const PriorityClasses: Kind<PriorityClass> = {
  group: "scheduling.k8s.io",
  version: "v1",
  kind: "PriorityClass",
  names: { plural: "priorityclasses", singular: "priorityclass", short: ["pc"] },
  scope: "Cluster",
  subresources: [],
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  columns: [
    nameColumn,
    integer("Value", (pc) => pc.value ?? 0),
    boolean("Global-Default", (pc) => pc.globalDefault ?? false),
    ageColumn,
    text("PreemptionPolicy", (pc) => pc.preemptionPolicy ?? ""),
  ],
};
