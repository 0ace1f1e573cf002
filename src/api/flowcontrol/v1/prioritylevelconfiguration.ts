/** PriorityLevelConfiguration bounds how many requests of a level run at once. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { PriorityLevelConfiguration } from "./types.gen.ts";
import { validatePriorityLevelConfiguration, validateStatus } from "./validation.ts";

export const PriorityLevelConfigurations: Kind<PriorityLevelConfiguration> = {
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "PriorityLevelConfiguration",
  names: { plural: "prioritylevelconfigurations", singular: "prioritylevelconfiguration" },
  scope: "Cluster",
  subresources: ["status"],
  validate: validatePriorityLevelConfiguration,
  validateStatusUpdate: validateStatus,
  columns: [
    nameColumn,
    text("Type", (level) => level.spec?.type ?? ""),
    text("NominalConcurrencyShares", (level) => level.spec?.limited?.nominalConcurrencyShares ?? "<none>"),
    text("Queues", (level) => level.spec?.limited?.limitResponse?.queuing?.queues ?? "<none>"),
    text("HandSize", (level) => level.spec?.limited?.limitResponse?.queuing?.handSize ?? "<none>"),
    text(
      "QueueLengthLimit",
      (level) => level.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? "<none>",
    ),
    ageColumn,
  ],
};
