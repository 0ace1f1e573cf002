import assert from "node:assert/strict";
import { test } from "node:test";
import { onCreate, onUpdate } from "../causes-fixture.ts";
import { ClusterRoles } from "./v1/clusterrole.ts";
import { ClusterRoleBindings } from "./v1/clusterrolebinding.ts";
import { RoleBindings } from "./v1/rolebinding.ts";
import { Roles } from "./v1/role.ts";

test("Roles: rules are about resources, those of clusters also about URLs", () => {
  const urls = { rules: [{ verbs: [], nonResourceURLs: ["/a"], resources: ["pods"] }] };
  assert.deepEqual(onCreate(Roles, urls), [
    "rules[0].verbs: Required value: verbs must contain at least one value",
    'rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs',
    'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
  ]);
  assert.deepEqual(onCreate(ClusterRoles, { rules: [{ verbs: ["get"] }], aggregationRule: {} }), [
    "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
    "rules[0].resources: Required value: resource rules must supply at least one resource",
    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
  ]);
  const selector = { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] };
  const aggregated = { rules: [], aggregationRule: { clusterRoleSelectors: [selector] } };
  const path = "aggregationRule.clusterRoleSelectors[0]";
  assert.deepEqual(onUpdate(ClusterRoles, aggregated, aggregated), [
    `${path}: Invalid value: null: invalid label selector.`,
  ]);
});

test("Bindings: roles, subjects, and a role that stays", () => {
  const ref = { kind: "ClusterRole", name: "view" };
  const subjects = [
    { kind: "ServiceAccount", name: "a_b", apiGroup: "x" },
    { kind: "Robot", name: "" },
  ];
  assert.deepEqual(
    onCreate(ClusterRoleBindings, { roleRef: { kind: "Role", name: "" }, subjects }).map((line) =>
      line.replace(/: a lowercase.*/, ""),
    ),
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      "roleRef.name: Required value",
      'subjects[0].name: Invalid value: "a_b"',
      'subjects[0].apiGroup: Unsupported value: "x": supported values: ""',
      "subjects[0].namespace: Required value",
      "subjects[1].name: Required value",
      'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
  );
  assert.deepEqual(onUpdate(RoleBindings, { roleRef: { ...ref, name: "edit" } }, { roleRef: ref }), [
    'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef',
  ]);
});
