import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { AuthorizationAttributes, Decision, UserInfo } from "../../user-info.ts";
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
} from "./bootstrap-policy.ts";
import { rbacAuthorizer, rulesFor } from "./rbac-authorizer.ts";
import { RbacIndex, type RbacObject } from "./rbac-index.ts";
import { ruleAllows, uncovered } from "./rules.ts";

const API = { apiVersion: "rbac.authorization.k8s.io/v1" } as const;
const GROUP = "rbac.authorization.k8s.io";
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups });

/** `verb group/resource/subresource namespace/name`, or `verb /path`. */
function parse(who: UserInfo, text: string): AuthorizationAttributes {
  const [verb = "", what = "", where = "/"] = text.split(" ");
  const none = { group: "", version: "v1", resource: "", subresource: "", namespace: "", name: "" };
  if (what.startsWith("/") && !what.includes("/", 1) && where === "/")
    return { ...none, user: who, verb, isResourceRequest: false, path: what };
  const [group = "", resource = "", subresource = ""] = what.split("/");
  const [namespace = "", name = ""] = where.split("/");
  return {
    ...none,
    user: who,
    verb,
    isResourceRequest: true,
    path: "",
    group,
    resource,
    subresource,
    namespace,
    name,
  };
}

const rules: readonly [PolicyRule, string, boolean][] = [
  [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, "get /pods/ default/a", true],
  [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, "get /pods/log default/a", false],
  [{ verbs: ["get"], apiGroups: [""], resources: ["pods/log"] }, "get /pods/log default/a", true],
  [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, "get apps/deployments/scale default/a", true],
  [
    { verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] },
    "get apps/deployments/scale default/a",
    true,
  ],
  [{ verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] }, "get apps/deployments/ default/a", false],
  [{ verbs: ["get"], apiGroups: ["apps"], resources: ["pods"] }, "get /pods/ default/a", false],
  [
    { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
    "get /pods/ default/a",
    true,
  ],
  [
    { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
    "get /pods/ default/b",
    false,
  ],
  [
    { verbs: ["list"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
    "list /pods/ default/",
    false,
  ],
  [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }, "get /metrics", true],
  [{ verbs: ["get"], nonResourceURLs: ["/met*"] }, "get /metrics", true],
  [{ verbs: ["get"], nonResourceURLs: ["*"] }, "get /pods/ default/a", false],
  [{ verbs: ["get"], apiGroups: ["*"], resources: ["*"] }, "get /metrics", false],
];
for (const [rule, request, allowed] of rules)
  test(`ruleAllows() ${allowed ? "allows" : "does not allow"} ${request} by ${JSON.stringify(rule)}`, () => {
    assert.equal(ruleAllows(rule, parse(user("jane"), request)), allowed);
  });

function bootstrapped(...more: RbacObject[]): RbacIndex {
  const index = new RbacIndex();
  for (const object of [
    ...bootstrapClusterRoles(),
    ...bootstrapClusterRoleBindings(),
    ...bootstrapRoles(),
    ...bootstrapRoleBindings(),
    ...more,
  ])
    index.set(object);
  return index;
}

const policy: readonly [UserInfo, string, boolean][] = [
  [user("root", "system:masters"), "delete /secrets/ kube-system/x", true],
  [user("jane", "system:authenticated"), "get /version", true],
  [user("jane", "system:authenticated"), "create authorization.k8s.io/selfsubjectaccessreviews/", true],
  [user("jane", "system:authenticated"), "list /pods/ default/", false],
  [user("system:anonymous", "system:unauthenticated"), "get /healthz", true],
  [user("system:anonymous", "system:unauthenticated"), "get /metrics", false],
  [user("system:node:n1", "system:nodes"), "update /nodes/status /n1", false],
  [user("system:node:n1", "system:nodes"), "delete /nodes/ /n1", false],
  [user("system:kube-scheduler"), "create /pods/binding default/a", true],
  [user("system:kube-proxy"), "watch discovery.k8s.io/endpointslices/ /", true],
  [user("system:kube-proxy"), "watch networking.k8s.io/networkpolicies/ /", true],
  [user("system:kube-proxy"), "watch /secrets/ /", false],
  [user("system:serviceaccount:kube-system:replicaset-controller"), "create /pods/ default/", true],
  [user("system:serviceaccount:default:replicaset-controller"), "create /pods/ default/", false],
  [
    user("system:kube-controller-manager"),
    "get /configmaps/ kube-system/extension-apiserver-authentication",
    true,
  ],
];
for (const [who, request, allowed] of policy)
  test(`rbacAuthorizer() with the bootstrap policy ${allowed ? "allows" : "refuses"} ${who.name}: ${request}`, () => {
    assert.equal(
      (rbacAuthorizer(bootstrapped()).authorize(parse(who, request)) as Decision).allowed,
      allowed,
    );
  });

const viewInDefault: RbacObject = {
  ...API,
  kind: "RoleBinding",
  metadata: { name: "viewers", namespace: "default" },
  roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: "view" },
  subjects: [
    { kind: "User", apiGroup: GROUP, name: "jane" },
    { kind: "ServiceAccount", name: "web" },
  ],
};

test("rbacAuthorizer() gives a RoleBinding's rights in its own namespace only, and says why", () => {
  const authorizer = rbacAuthorizer(bootstrapped(viewInDefault));
  const ask = (who: UserInfo, text: string) => authorizer.authorize(parse(who, text)) as Decision;
  assert.deepEqual(ask(user("jane"), "list /pods/ default/"), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "viewers/default" of ClusterRole "view" to User "jane"',
  });
  assert.equal(
    ask(user("system:serviceaccount:default:web"), "get /configmaps/ default/x").reason,
    'RBAC: allowed by RoleBinding "viewers/default" of ClusterRole "view" to ServiceAccount "web/default"',
  );
  for (const request of ["list /pods/ other/", "list /pods/ /", "list /secrets/ default/"])
    assert.equal(ask(user("jane"), request).allowed, false, request);
});

test("RbacIndex follows changes and deletions", () => {
  const index = bootstrapped(viewInDefault);
  const allowed = (name: string) =>
    (rbacAuthorizer(index).authorize(parse(user(name), "list /pods/ default/")) as Decision).allowed;
  index.set({ ...viewInDefault, subjects: [{ kind: "User", name: "joe" }] });
  assert.deepEqual([allowed("jane"), allowed("joe")], [false, true]);
  index.delete(viewInDefault);
  assert.deepEqual([allowed("jane"), allowed("joe")], [false, false]);
});

test("rbacAuthorizer() says when a bound role is missing", () => {
  const index = new RbacIndex();
  index.set(viewInDefault);
  assert.deepEqual(rbacAuthorizer(index).authorize(parse(user("jane"), "list /pods/ default/")), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "view" not found',
  });
});

test("uncovered() finds what somebody would hand out without having it", () => {
  const index = bootstrapped(viewInDefault);
  const owned = rulesFor(index, user("jane"), "default");
  assert.deepEqual(
    uncovered(owned, [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "services"] }]),
    [],
  );
  assert.deepEqual(uncovered(owned, [{ verbs: ["get", "delete"], apiGroups: [""], resources: ["pods"] }]), [
    { verbs: ["delete"], apiGroups: [""], resources: ["pods"] },
  ]);
  assert.deepEqual(
    uncovered(
      [{ verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] }],
      [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    ).length,
    1,
  );
});
