/** The short notation of the bootstrap policy. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";

/** Verbs, groups, resources, names; or verbs, "url", paths. */
export type RuleRow = readonly [string, string, string] | readonly [string, string, string, string];

export type RoleTable = Readonly<Record<string, readonly RuleRow[]>>;

export const READ = "get list watch";
export const WRITE = "create update patch delete deletecollection";
export const READ_WRITE = "get list watch create update patch delete deletecollection";
export const EVENTS: RuleRow = ["create update patch", "core events.k8s.io", "events"];

export function toRule([verbs, groups, resources, names]: RuleRow): PolicyRule {
  if (groups === "url") return { verbs: verbs.split(" "), nonResourceURLs: resources.split(" ") };
  return {
    verbs: verbs.split(" "),
    apiGroups: groups.split(" ").map((group) => (group === "core" ? "" : group)),
    resources: resources.split(" "),
    ...(names !== undefined && { resourceNames: names.split(" ") }),
  };
}
