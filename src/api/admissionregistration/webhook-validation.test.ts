import assert from "node:assert/strict";
import { test } from "node:test";
import { onCreate, onUpdate } from "../causes-fixture.ts";
import { MutatingAdmissionPolicies } from "./v1/mutatingadmissionpolicy.ts";
import { MutatingWebhookConfigurations } from "./v1/mutatingwebhookconfiguration.ts";
import { ValidatingAdmissionPolicies } from "./v1/validatingadmissionpolicy.ts";
import { ValidatingWebhookConfigurations } from "./v1/validatingwebhookconfiguration.ts";

const HOOK = {
  name: "a.example.com",
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  clientConfig: { service: { namespace: "n", name: "s" } },
};
const hooks = (...webhooks: readonly object[]): object => ({ webhooks });

test("webhook configurations are judged in upstream's order", () => {
  const bad = {
    ...HOOK,
    timeoutSeconds: 31,
    reinvocationPolicy: "Often",
    clientConfig: {},
    admissionReviewVersions: ["v9"],
    matchConditions: [{ name: "", expression: "" }],
  };
  assert.deepEqual(onCreate(MutatingWebhookConfigurations, hooks(HOOK, bad)), [
    "webhooks[1].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
    'webhooks[1].reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"',
    "webhooks[1].clientConfig: Required value: exactly one of url or service is required",
    "webhooks[1].matchConditions[0].expression: Required value",
    "webhooks[1].matchConditions[0].name: Required value",
    'webhooks[1].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    'webhooks[1].name: Duplicate value: "a.example.com"',
  ]);
});

test("webhook configurations keep what was stored before it was checked", () => {
  const table: readonly (readonly [object, number])[] = [
    [hooks({ ...HOOK, sideEffects: "Some" }), 1],
    [hooks({ ...HOOK, admissionReviewVersions: ["v9"] }), 1],
    [hooks(HOOK, HOOK), 1],
    [
      hooks({ ...HOOK, objectSelector: { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] } }),
      1,
    ],
    [hooks({ ...HOOK, matchConditions: [{ name: "a b", expression: "true" }] }), 1],
  ];
  for (const [body, count] of table) {
    assert.equal(onCreate(ValidatingWebhookConfigurations, body).length, count, JSON.stringify(body));
    assert.deepEqual(onUpdate(ValidatingWebhookConfigurations, body, body), []);
  }
});

const rule = (operations: readonly string[], resources: readonly string[]): object => ({
  resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations, resources }],
});

test("policies: what they match, and why they refuse", () => {
  const validations = [{ expression: "true", reason: "Unauthorized" }];
  const match = rule(["CREATE"], ["*", "pods"]);
  assert.deepEqual(
    onCreate(ValidatingAdmissionPolicies, { spec: { validations, matchConstraints: match } }),
    [
      `spec.matchConstraints.resourceRules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
      'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
  );
  const mutation = { patchType: "JSONPatch", applyConfiguration: { expression: "" } };
  const spec = {
    mutations: [mutation],
    matchConstraints: rule(["DELETE"], ["pods"]),
    variables: [{ name: "9", expression: "1" }],
  };
  assert.deepEqual(onCreate(MutatingAdmissionPolicies, { spec }), [
    'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    'spec.variables[0].name: Invalid value: "9": must be a valid CEL identifier',
    "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
    'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
    "spec.reinvocationPolicy: Required value",
  ]);
});
