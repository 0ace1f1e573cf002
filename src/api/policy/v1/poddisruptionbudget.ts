/** PodDisruptionBudget bounds how many pods may be evicted at once. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts";
import {
  validatePodDisruptionBudget,
  validatePodDisruptionBudgetStatusUpdate,
} from "./poddisruptionbudget-validation.ts";
import type { PodDisruptionBudget } from "./types.gen.ts";

export const PodDisruptionBudgets: Kind<PodDisruptionBudget> = {
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  names: { plural: "poddisruptionbudgets", singular: "poddisruptionbudget", short: ["pdb"] },
  scope: "Namespaced",
  subresources: ["status"],
  validate: validatePodDisruptionBudget,
  validateStatusUpdate: validatePodDisruptionBudgetStatusUpdate,
  strategy: { allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    text("Min Available", (pdb) => String(pdb.spec?.minAvailable ?? "N/A")),
    text("Max Unavailable", (pdb) => String(pdb.spec?.maxUnavailable ?? "N/A")),
    integer("Allowed Disruptions", (pdb) => pdb.status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
};
