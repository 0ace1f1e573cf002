/** The specs of the mandatory objects, which validation allows no other values for; upstream's `internalbootstrap`. @module */
import type { FlowSchemaSpec, PolicyRulesWithSubjects, PriorityLevelConfigurationSpec } from "./types.gen.ts";

const EVERYTHING: Omit<PolicyRulesWithSubjects, "subjects"> = {
  resourceRules: [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
  ],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
};

/** Defaults included. */
export const FIXED_PRIORITY_LEVELS: Readonly<Record<string, PriorityLevelConfigurationSpec>> = {
  "catch-all": {
    type: "Limited",
    limited: { nominalConcurrencyShares: 5, limitResponse: { type: "Reject" }, lendablePercent: 0 },
  },
  exempt: { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
};

export const FIXED_FLOW_SCHEMAS: Readonly<Record<string, FlowSchemaSpec>> = {
  exempt: {
    priorityLevelConfiguration: { name: "exempt" },
    matchingPrecedence: 1,
    rules: [{ subjects: [{ kind: "Group", group: { name: "system:masters" } }], ...EVERYTHING }],
  },
  "catch-all": {
    priorityLevelConfiguration: { name: "catch-all" },
    matchingPrecedence: 10_000,
    distinguisherMethod: { type: "ByUser" },
    rules: [
      {
        subjects: [
          { kind: "Group", group: { name: "system:unauthenticated" } },
          { kind: "Group", group: { name: "system:authenticated" } },
        ],
        ...EVERYTHING,
      },
    ],
  },
};
