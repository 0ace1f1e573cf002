import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, ClusterRoleBinding } from "#api/rbac/v1/types.gen";
import { bootstrapClusterRoleBindings, bootstrapClusterRoles } from "./bootstrap-policy.ts";
import { planReconciliation } from "./reconcile.ts";

const role = bootstrapClusterRoles().find(({ metadata }) => metadata.name === "system:discovery")!;
const binding = bootstrapClusterRoleBindings().find(({ metadata }) => metadata.name === "system:discovery")!;
const admin = bootstrapClusterRoles().find(({ metadata }) => metadata.name === "admin")!;

test("planReconciliation() leaves what is whole alone, and what says so", () => {
  for (const object of [...bootstrapClusterRoles(), ...bootstrapClusterRoleBindings()])
    assert.deepEqual(planReconciliation(object, object), { type: "none" });
  const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
  const own: ClusterRole = { ...role, metadata: { ...role.metadata, annotations }, rules: [] };
  assert.deepEqual(planReconciliation(own, role), { type: "none" });
  assert.deepEqual(planReconciliation({ ...admin, rules: [] }, admin), { type: "none" });
});

test("planReconciliation() adds missing rules and subjects, and keeps what was added", () => {
  const extra = { verbs: ["get"], nonResourceURLs: ["/own"] };
  const plan = planReconciliation({ ...role, rules: [extra] }, role);
  assert.equal(plan.type, "update");
  const rules = (plan as { object: ClusterRole }).object.rules ?? [];
  assert.deepEqual(rules[0], extra);
  assert.equal(planReconciliation({ ...role, rules }, role).type, "none");
  const jane = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" };
  const planned = planReconciliation({ ...binding, subjects: [jane] }, binding);
  assert.equal(planned.type, "update");
  const { subjects } = (planned as { object: ClusterRoleBinding }).object;
  assert.deepEqual(
    subjects?.map(({ name }) => name),
    ["jane", "system:authenticated"],
  );
});

test("planReconciliation() makes a binding to another role anew", () => {
  const other = { ...binding, roleRef: { ...binding.roleRef, name: "cluster-admin" } };
  const plan = planReconciliation(other, binding);
  assert.equal(plan.type, "recreate");
  assert.equal((plan as { object: ClusterRoleBinding }).object.roleRef.name, "system:discovery");
});

test("planReconciliation() takes system:nodes out of the binding that older clusters gave it", () => {
  const own = bootstrapClusterRoleBindings().find(({ metadata }) => metadata.name === "system:node")!;
  const nodes = { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "system:nodes" };
  const jane = { ...nodes, kind: "User", name: "jane" };
  const plan = planReconciliation({ ...own, subjects: [nodes, jane] }, own);
  assert.deepEqual((plan as { object: ClusterRoleBinding }).object.subjects, [jane]);
});
