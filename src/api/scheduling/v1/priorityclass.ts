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
  // What matters cannot change, and the rest is not judged again.
  validateCreate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  // Upstream gives classes a generation and never counts it up.
  strategy: { prepareForCreate: (pc) => ({ ...pc, metadata: { ...pc.metadata, generation: 1 } }) },
  columns: [
    nameColumn,
    integer("Value", (pc) => pc.value ?? 0),
    boolean("Global-Default", (pc) => pc.globalDefault ?? false),
    ageColumn,
    text("PreemptionPolicy", (pc) => pc.preemptionPolicy ?? ""),
  ],
};
