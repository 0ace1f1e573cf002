import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, PolicyRule } from "#api/rbac/v1/types.gen";
import { planRules } from "./plan.ts";

const rule = (resource: string): PolicyRule => ({ verbs: ["get"], apiGroups: [""], resources: [resource] });

function newRole(name: string, resources: readonly string[], label?: string): ClusterRole {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name, ...(label !== undefined && { labels: { [label]: "true" } }) },
    rules: resources.map(rule),
  };
}

function aggregated(resources: readonly string[], ...labels: readonly string[]): ClusterRole {
  const clusterRoleSelectors = labels.map((label) => ({ matchLabels: { [label]: "true" } }));
  return { ...newRole("all", resources, "view"), aggregationRule: { clusterRoleSelectors } };
}

const cases: readonly (readonly [
  string,
  ClusterRole,
  readonly ClusterRole[],
  readonly string[] | undefined,
])[] = [
  [
    "leaves a role that is not aggregated",
    newRole("all", ["pods"]),
    [newRole("a", ["nodes"], "view")],
    undefined,
  ],
  [
    "collects rules by name of their roles, each once",
    aggregated([], "view"),
    [newRole("b", ["pods", "nodes"], "view"), newRole("a", ["nodes"], "view"), newRole("c", ["secrets"])],
    ["nodes", "pods"],
  ],
  [
    "goes by any of the selectors, in their order",
    aggregated([], "edit", "view"),
    [newRole("a", ["pods"], "view"), newRole("b", ["secrets"], "edit")],
    ["secrets", "pods"],
  ],
  ["leaves rules that are right", aggregated(["pods"], "view"), [newRole("a", ["pods"], "view")], undefined],
  ["takes rules away", aggregated(["pods"], "view"), [], []],
];

for (const [name, role, others, want] of cases) {
  test(`planRules() ${name}`, () => assert.deepEqual(planRules(role, [role, ...others]), want?.map(rule)));
}
