/** ComponentStatus tells the health of a control plane component; computed on every read. @module */
import type { Kind } from "#apimachinery";
import { nameColumn, text } from "../../printing/columns.ts";
import type { ComponentCondition, ComponentStatus } from "./types.gen.ts";

export const ComponentStatuses: Kind<ComponentStatus> = {
  group: "",
  version: "v1",
  kind: "ComponentStatus",
  names: { plural: "componentstatuses", singular: "componentstatus", short: ["cs"] },
  scope: "Cluster",
  subresources: [],
  verbs: ["get", "list"],
  deprecated: { since: "1.19" },
  columns: [
    nameColumn,
    text("Status", (cs) => statusOf(healthy(cs))),
    text("Message", (cs) => healthy(cs)?.message ?? ""),
    text("Error", (cs) => healthy(cs)?.error ?? ""),
  ],
};

function healthy(cs: ComponentStatus): ComponentCondition | undefined {
  return cs.conditions?.find((condition) => condition.type === "Healthy");
}

function statusOf(condition: ComponentCondition | undefined): string {
  if (condition === undefined) return "Unknown";
  return condition.status === "True" ? "Healthy" : "Unhealthy";
}
