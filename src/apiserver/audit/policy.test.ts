import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes } from "../user-info.ts";
import { parseAuditPolicy } from "./policy-file.ts";
import { policyEvaluator } from "./policy.ts";
import type { AuditPolicyRule } from "./types.ts";

const HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

const pod: AuthorizationAttributes = {
  user: { name: "ada", groups: ["devs", "system:authenticated"] },
  verb: "get",
  isResourceRequest: true,
  path: "/api/v1/namespaces/a/pods/p",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "a",
  name: "p",
};
const healthz = { ...pod, isResourceRequest: false, path: "/healthz/ping", resource: "", namespace: "" };

const MATCHES: readonly [string, Partial<AuditPolicyRule>, AuthorizationAttributes, boolean][] = [
  ["everything without conditions", {}, pod, true],
  ["a user", { users: ["ada"] }, pod, true],
  ["another user", { users: ["bob"] }, pod, false],
  ["a group", { userGroups: ["devs"] }, pod, true],
  ["another group", { userGroups: ["ops"] }, pod, false],
  ["a verb", { verbs: ["get", "list"] }, pod, true],
  ["another verb", { verbs: ["create"] }, pod, false],
  ["a namespace", { namespaces: ["a"] }, pod, true],
  ["another namespace", { namespaces: ["b"] }, pod, false],
  ["no namespace for paths", { namespaces: [""] }, healthz, false],
  ["a group of resources", { resources: [{ group: "" }] }, pod, true],
  ["another group of resources", { resources: [{ group: "apps" }] }, pod, false],
  ["all groups", { resources: [{ group: "*", resources: ["pods"] }] }, pod, true],
  ["a name", { resources: [{ resources: ["pods"], resourceNames: ["p"] }] }, pod, true],
  ["another name", { resources: [{ resources: ["pods"], resourceNames: ["q"] }] }, pod, false],
  ["a resource without its subresources", { resources: [{ resources: ["pods"] }] }, sub("log"), false],
  ["a subresource", { resources: [{ resources: ["pods/log"] }] }, sub("log"), true],
  ["all subresources of a resource", { resources: [{ resources: ["pods/*"] }] }, sub("log"), true],
  ["a subresource of all resources", { resources: [{ resources: ["*/log"] }] }, sub("log"), true],
  ["all resources", { resources: [{ resources: ["*"] }] }, sub("log"), true],
  ["a path", { nonResourceURLs: ["/healthz*"] }, healthz, true],
  ["another path", { nonResourceURLs: ["/version"] }, healthz, false],
  ["no path for resources", { nonResourceURLs: ["*"] }, pod, false],
];

function sub(subresource: string): AuthorizationAttributes {
  return { ...pod, subresource };
}

for (const [what, rule, attributes, isMatch] of MATCHES) {
  test(`policyEvaluator(): a rule matches ${what}: ${isMatch}`, () => {
    const evaluate = policyEvaluator({ rules: [{ level: "Request", ...rule }] });
    assert.equal(evaluate(attributes).level, isMatch ? "Request" : "None");
  });
}

test("policyEvaluator(): the first rule decides, and stages of policy and rule are joined", () => {
  const evaluate = policyEvaluator({
    omitStages: ["RequestReceived"],
    omitManagedFields: true,
    rules: [
      { level: "Metadata", omitStages: ["Panic"], omitManagedFields: false },
      { level: "RequestResponse" },
    ],
  });
  const { level, omitStages, omitManagedFields } = evaluate(pod);
  assert.equal(level, "Metadata");
  assert.deepEqual([...omitStages], ["RequestReceived", "Panic"]);
  assert.equal(omitManagedFields, false);
});

const REFUSED: readonly [string, RegExp][] = [
  [`${HEAD}rules: []`, /^Error: loaded illegal policy with 0 rules$/],
  [
    "apiVersion: audit.k8s.io/v1beta1\nkind: Policy",
    /unknown group version field audit.k8s.io\/v1beta1, Kind=Policy/,
  ],
  [`${HEAD}rules:\n- {}`, /^Error: rules\[0\].level: Required value$/],
  [
    `${HEAD}rules:\n- level: All`,
    /^Error: rules\[0\].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"$/,
  ],
  [
    `${HEAD}omitStages: [Begin]\nrules:\n- level: None`,
    /^Error: omitStages\[0\]: Invalid value: "Begin": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic$/,
  ],
  [
    `${HEAD}rules:\n- level: None\n  nonResourceURLs: [x, /a*b]`,
    /^Error: \[rules\[0\].nonResourceURLs\[0\]: Invalid value: "x": non-resource URL rules must begin with a '\/' character, rules\[0\].nonResourceURLs\[1\]: .* must be the final character of the rule\]$/,
  ],
  [
    `${HEAD}rules:\n- level: None\n  nonResourceURLs: [/x]\n  namespaces: [a]`,
    /rules cannot apply to both regular resources and non-resource URLs$/,
  ],
  [
    `${HEAD}rules:\n- level: None\n  resources: [{group: rbac.authorization.k8s.io/v1}]`,
    /^Error: rules\[0\].resources.group: Invalid value: "rbac.authorization.k8s.io\/v1"/,
  ],
  [
    `${HEAD}rules:\n- level: None\n  resources: [{resourceNames: [x]}]`,
    /using resourceNames requires at least one resource$/,
  ],
  [`${HEAD}rules: 3`, /^Error: failed decoding: /],
  ["[", /^Error: failed decoding: /],
];

for (const [text, problem] of REFUSED) {
  test(`parseAuditPolicy() refuses ${JSON.stringify(text.replace(HEAD, ""))}`, () => {
    assert.throws(
      () => parseAuditPolicy(text, () => {}),
      (err) => problem.test(String(err)),
    );
  });
}

test("parseAuditPolicy() warns of what it does not know, and goes on", () => {
  const warnings: string[] = [];
  const policy = parseAuditPolicy(
    `${HEAD}rules:\n- level: None\n  verb: [get]`,
    (why) => void warnings.push(why),
  );
  assert.deepEqual(policy.rules, [{ level: "None" }]);
  assert.equal(
    warnings[0],
    'Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules[0].verb"',
  );
});
