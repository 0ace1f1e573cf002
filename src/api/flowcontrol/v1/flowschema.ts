/** FlowSchema sorts requests into priority levels. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { FlowSchema } from "./types.gen.ts";
import { validateFlowSchema } from "./validation.ts";

export const FlowSchemas: Kind<FlowSchema> = {
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "FlowSchema",
  names: { plural: "flowschemas", singular: "flowschema" },
  scope: "Cluster",
  subresources: ["status"],
  validate: validateFlowSchema,
  columns: [
    nameColumn,
    text("PriorityLevel", (fs) => fs.spec?.priorityLevelConfiguration.name ?? ""),
    text("MatchingPrecedence", (fs) => fs.spec?.matchingPrecedence ?? 0),
    text("DistinguisherMethod", (fs) => fs.spec?.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", (fs) => fs.status?.conditions?.find((c) => c.type === "Dangling")?.status ?? "?"),
  ],
};
