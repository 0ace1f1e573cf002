import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  FlowSchema,
  NonResourcePolicyRule,
  ResourcePolicyRule,
  Subject,
} from "#api/flowcontrol/v1/types.gen";
import { requestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";
import { matchesFlowSchema } from "./match.ts";

const ALL: ResourcePolicyRule = {
  verbs: ["*"],
  apiGroups: ["*"],
  resources: ["*"],
  clusterScope: true,
  namespaces: ["*"],
};
const ALICE: UserInfo = { name: "alice", groups: ["dev"] };
const ROBOT: UserInfo = { name: "system:serviceaccount:ns:robot", groups: ["system:serviceaccounts"] };
const PODS = "/api/v1/namespaces/ns/pods";

function schema(rule: {
  subject?: Subject;
  resources?: ResourcePolicyRule;
  urls?: NonResourcePolicyRule;
}): FlowSchema {
  const { subject = { kind: "User", user: { name: "*" } }, resources, urls } = rule;
  return {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name: "s" },
    spec: {
      priorityLevelConfiguration: { name: "l" },
      rules: [
        {
          subjects: [subject],
          ...(resources !== undefined && { resourceRules: [resources] }),
          ...(urls !== undefined && { nonResourceRules: [urls] }),
        },
      ],
    },
  };
}

const SUBJECTS: readonly [Subject, UserInfo, boolean][] = [
  [{ kind: "User", user: { name: "alice" } }, ALICE, true],
  [{ kind: "User", user: { name: "bob" } }, ALICE, false],
  [{ kind: "Group", group: { name: "dev" } }, ALICE, true],
  [{ kind: "Group", group: { name: "*" } }, ALICE, true],
  [{ kind: "Group", group: { name: "ops" } }, ALICE, false],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "robot" } }, ROBOT, true],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "*" } }, ROBOT, true],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "n", name: "*" } }, ROBOT, false],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "rob" } }, ROBOT, false],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "*" } }, ALICE, false],
  [{ kind: "Group", user: { name: "alice" } }, ALICE, false],
];
for (const [subject, user, expected] of SUBJECTS) {
  test(`matchesFlowSchema: ${user.name} is ${expected ? "" : "not "}${JSON.stringify(subject)}`, () => {
    const info = requestInfo("GET", PODS, new URLSearchParams());
    assert.equal(matchesFlowSchema(schema({ subject, resources: ALL }), user, info), expected);
  });
}

const RESOURCES: readonly [Partial<ResourcePolicyRule>, string, string, boolean][] = [
  [{}, "GET", PODS, true],
  [{ verbs: ["list"] }, "GET", PODS, true],
  [{ verbs: ["get"] }, "GET", PODS, false],
  [{ apiGroups: [""] }, "GET", PODS, true],
  [{ apiGroups: ["apps"] }, "GET", PODS, false],
  [{ resources: ["pods"] }, "GET", PODS, true],
  [{ resources: ["pods"] }, "GET", `${PODS}/a/status`, false],
  [{ resources: ["pods/status"] }, "GET", `${PODS}/a/status`, true],
  [{ namespaces: ["ns"] }, "GET", PODS, true],
  [{ namespaces: ["other"] }, "GET", PODS, false],
  [{ clusterScope: false }, "GET", PODS, true],
  [{ clusterScope: false }, "GET", "/api/v1/pods", false],
  [{}, "GET", "/api/v1/nodes", true],
  [{}, "GET", "/healthz", false],
];
for (const [rule, method, path, expected] of RESOURCES) {
  test(`matchesFlowSchema: ${method} ${path} ${expected ? "is" : "is not"} of ${JSON.stringify(rule)}`, () => {
    const info = requestInfo(method, path, new URLSearchParams());
    assert.equal(matchesFlowSchema(schema({ resources: { ...ALL, ...rule } }), ALICE, info), expected);
  });
}

const URLS: readonly [NonResourcePolicyRule, string, boolean][] = [
  [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }, "/healthz", true],
  [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }, "/healthz/etcd", true],
  [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }, "/healthzz", false],
  [{ verbs: ["get"], nonResourceURLs: ["/a/*"] }, "/a/b/c", true],
  [{ verbs: ["get"], nonResourceURLs: ["/a/*"] }, "/ab", false],
  [{ verbs: ["*"], nonResourceURLs: ["*"] }, "/anything", true],
  [{ verbs: ["post"], nonResourceURLs: ["*"] }, "/anything", false],
];
for (const [urls, path, expected] of URLS) {
  test(`matchesFlowSchema: ${path} ${expected ? "is" : "is not"} of ${JSON.stringify(urls)}`, () => {
    const info = requestInfo("GET", path, new URLSearchParams());
    assert.equal(matchesFlowSchema(schema({ urls }), ALICE, info), expected);
  });
}
