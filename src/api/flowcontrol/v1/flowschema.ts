/** FlowSchema sorts requests into priority levels. @module */
import { compareStrings, type Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { FlowSchema } from "./types.gen.ts";
import { validateFlowSchema, validateStatus } from "./validation.ts";

export const FlowSchemas: Kind<FlowSchema> = {
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "FlowSchema",
  names: { plural: "flowschemas", singular: "flowschema" },
  scope: "Cluster",
  subresources: ["status"],
  validate: validateFlowSchema,
  validateStatusUpdate: validateStatus,
  columns: [
    nameColumn,
    text("PriorityLevel", (fs) => fs.spec?.priorityLevelConfiguration.name ?? ""),
    text("MatchingPrecedence", (fs) => fs.spec?.matchingPrecedence ?? 0),
    text("DistinguisherMethod", (fs) => fs.spec?.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", (fs) => fs.status?.conditions?.find((c) => c.type === "Dangling")?.status ?? "?"),
  ],
  tableOrder: byPrecedence,
};

/** The order in which schemas are asked whether a request is theirs. */
export function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const difference = (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0);
  return difference === 0 ? compareStrings(a.metadata.name, b.metadata.name) : difference;
}
