/** Admission policies: rules and changes in CEL, which the API server applies itself. @module */
import assert from "node:assert/strict";
import { MutatingAdmissionPolicies } from "#api/admissionregistration/v1/mutatingadmissionpolicy";
import { MutatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/mutatingadmissionpolicybinding";
import type { ValidatingAdmissionPolicy } from "#api/admissionregistration/v1/types.gen";
import { ValidatingAdmissionPolicies } from "#api/admissionregistration/v1/validatingadmissionpolicy";
import { ValidatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/validatingadmissionpolicybinding";
import { Deployments } from "#api/apps/v1/deployment";
import type { Deployment } from "#api/apps/v1/types.gen";
import { StatusError } from "#apimachinery";
import { conformance, newDeployment, type ConformanceContext } from "../harness/index.ts";
import { DEPLOYMENT_RULES, newMutatingPolicy, newValidatingPolicy } from "./admission-policy-fixture.ts";
import { checkOperations, checkStatusOperations } from "./api-operations.ts";

const VALIDATING = "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin]";
const MUTATING = "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin]";

function create(t: ConformanceContext, name: string, replicas: number): Promise<Deployment> {
  return t.client.create(Deployments, newDeployment(t, name, replicas), t.signal);
}

async function denied(request: Promise<unknown>): Promise<StatusError> {
  const error = await request.then(
    () => undefined,
    (err: unknown) => err,
  );
  assert.ok(error instanceof StatusError, `expected a denial, got ${String(error)}`);
  return error;
}

conformance(`${VALIDATING} should validate against a Deployment`, async (t) => {
  const name = await newValidatingPolicy(t, {
    matchConstraints: DEPLOYMENT_RULES,
    validations: [
      {
        expression: "object.spec.replicas > 1",
        messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
      },
      { expression: "namespaceObject.metadata.name == request.namespace", message: "wrong namespace" },
    ],
  });
  await create(t, "two", 2);
  const { message, code, reason } = await denied(create(t, "one", 1));
  assert.deepEqual([code, reason], [422, "Invalid"]);
  assert.match(
    message,
    new RegExp(
      `ValidatingAdmissionPolicy '${name}' with binding '${name}' denied request: wants replicas > 1, got 1$`,
    ),
  );
  const scaled = { type: "merge", body: { spec: { replicas: 1 } } } as const;
  await denied(t.client.patch(Deployments, { namespace: t.namespace, name: "two" }, scaled, t.signal));
  const elsewhere = await t.newNamespace();
  const free = newDeployment(t, "one", 1);
  await t.client.create(
    Deployments,
    { ...free, metadata: { ...free.metadata, namespace: elsewhere } },
    t.signal,
  );
});

conformance(`${VALIDATING} should allow expressions to refer variables.`, async (t) => {
  await newValidatingPolicy(t, {
    matchConstraints: DEPLOYMENT_RULES,
    variables: [
      { name: "replicas", expression: "object.spec.replicas" },
      { name: "oddReplicas", expression: "variables.replicas % 2 == 1" },
    ],
    validations: [
      { expression: "variables.replicas > 1" },
      { expression: "variables.oddReplicas", message: "an even number" },
    ],
  });
  await create(t, "three", 3);
  assert.match((await denied(create(t, "one", 1))).message, /failed expression: variables\.replicas > 1$/);
  assert.match((await denied(create(t, "four", 4))).message, /an even number$/);
});

const POLICY_SPEC = {
  matchConstraints: DEPLOYMENT_RULES,
  validations: [{ expression: "object.spec.replicas >= 0" }],
};

conformance(`${VALIDATING} should support ValidatingAdmissionPolicy API operations`, async (t) => {
  await checkOperations(t, { kind: ValidatingAdmissionPolicies, body: { spec: POLICY_SPEC } });
  const name = await newValidatingPolicy(t, {
    ...POLICY_SPEC,
    validations: [{ expression: "object.spec.replicaz >= 0" }],
  });
  const checked = await t.waitFor(
    ValidatingAdmissionPolicies,
    { name },
    (policy) => policy?.status?.observedGeneration === 1,
  );
  const [warning] = checked.status?.typeChecking?.expressionWarnings ?? [];
  assert.equal(warning?.fieldRef, "spec.validations[0].expression");
  assert.match(warning.warning, /^apps\/v1, Kind=Deployment: .*undefined field 'replicaz'/);
  const condition = {
    type: "Checked",
    status: "True",
    reason: "Test",
    lastTransitionTime: "2020-01-01T00:00:00Z",
  };
  await checkStatusOperations<ValidatingAdmissionPolicy>(
    t,
    ValidatingAdmissionPolicies,
    name,
    (policy, message) => ({
      ...policy,
      status: { ...policy.status, conditions: [{ ...condition, message }] },
    }),
    ({ status }) => status?.conditions?.[0]?.message,
  );
});

conformance(`${VALIDATING} should support ValidatingAdmissionPolicyBinding API operations`, async (t) => {
  const spec = { policyName: t.unique, validationActions: ["Deny"] };
  await checkOperations(t, { kind: ValidatingAdmissionPolicyBindings, body: { spec } });
});

conformance(`${MUTATING} should mutate a Deployment`, async (t) => {
  await newMutatingPolicy(t, {
    matchConstraints: DEPLOYMENT_RULES,
    matchConditions: [{ name: "is-one", expression: "object.spec.replicas == 1" }],
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: { expression: "Object{spec: Object.spec{replicas: object.spec.replicas + 1}}" },
      },
    ],
    reinvocationPolicy: "Never",
  });
  assert.equal((await create(t, "one", 1)).spec?.replicas, 2);
  assert.equal((await create(t, "five", 5)).spec?.replicas, 5);
});

conformance(`${MUTATING} should mutate a Deployment with annotations`, async (t) => {
  await newMutatingPolicy(t, {
    matchConstraints: DEPLOYMENT_RULES,
    variables: [{ name: "owner", expression: "request.userInfo.username" }],
    mutations: [
      {
        patchType: "JSONPatch",
        jsonPatch: {
          expression:
            "[JSONPatch{op: 'add', path: '/metadata/annotations', value: has(object.metadata.annotations) ? object.metadata.annotations : {}}, JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/patched'), value: 'true'}]",
        },
      },
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression:
            "Object{metadata: Object.metadata{annotations: {'example.com/owner': variables.owner}}}",
        },
      },
    ],
    reinvocationPolicy: "IfNeeded",
  });
  const plain = newDeployment(t, "one", 1);
  const annotations = { mine: "kept" };
  const made = await t.client.create(
    Deployments,
    { ...plain, metadata: { ...plain.metadata, annotations } },
    t.signal,
  );
  const { "example.com/owner": owner, ...others } = made.metadata.annotations ?? {};
  assert.deepEqual(others, { mine: "kept", "example.com/patched": "true" });
  assert.ok(owner, "the second mutation saw a variable");
});

conformance(`${MUTATING} should support MutatingAdmissionPolicy API operations`, async (t) => {
  const spec = {
    matchConstraints: { resourceRules: DEPLOYMENT_RULES.resourceRules! },
    mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } }],
    reinvocationPolicy: "Never",
  };
  await checkOperations(t, { kind: MutatingAdmissionPolicies, body: { spec } });
});

conformance(`${MUTATING} should support MutatingAdmissionPolicyBinding API operations`, async (t) => {
  await checkOperations(t, {
    kind: MutatingAdmissionPolicyBindings,
    body: { spec: { policyName: t.unique } },
  });
});
