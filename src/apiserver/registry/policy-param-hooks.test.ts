import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Request } from "#client";
import { forever, refusal, start, type Fixture } from "../server-fixture.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const jane = { name: "jane", groups: ["devs", "system:authenticated"] };
const SHOWN = "&{jane  [devs system:authenticated] map[]}";
const writePolicies = {
  apiGroups: ["admissionregistration.k8s.io"],
  resources: ["*"],
  verbs: ["create", "update", "patch", "get"],
};

interface Asked {
  readonly fixture: Fixture;
  readonly asJane: (method: Request["method"], path: string, body: object) => Promise<KubeObject>;
}

async function withRights(...rules: readonly object[]): Promise<Asked> {
  const fixture = await start({ priorityAndFairness: false });
  const rbac = "rbac.authorization.k8s.io";
  await fixture.send("POST", `${RBAC}/clusterroles`, {
    metadata: { name: "jane" },
    rules: [writePolicies, ...rules],
  });
  await fixture.send("POST", `${RBAC}/clusterrolebindings`, {
    metadata: { name: "jane" },
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "jane" },
    subjects: [{ apiGroup: rbac, kind: "User", name: "jane" }],
  });
  const transport = fixture.server.transport(jane);
  return {
    fixture,
    asJane: async (method, path, body) =>
      (await transport.request({ method, path, body }, forever)).body as KubeObject,
  };
}

const matchConstraints = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
  ],
};
const applyConfiguration = { expression: "Object{}" };
const SPECS = {
  validating: { matchConstraints, validations: [{ expression: "true" }] },
  mutating: {
    matchConstraints,
    reinvocationPolicy: "Never",
    mutations: [{ patchType: "ApplyConfiguration", applyConfiguration }],
  },
} as const;
type What = keyof typeof SPECS;

const policy = (what: What, paramKind?: object, more: object = {}): object => ({
  metadata: { name: "p" },
  spec: { ...SPECS[what], ...(paramKind !== undefined && { paramKind }), ...more },
});
const binding = (what: What, paramRef: object): object => ({
  metadata: { name: "b" },
  spec: {
    policyName: "p",
    paramRef: { parameterNotFoundAction: "Allow", ...paramRef },
    ...(what === "validating" && { validationActions: ["Deny"] }),
  },
});
const secrets = { apiVersion: "v1", kind: "Secret" };
const configMaps = { apiVersion: "v1", kind: "ConfigMap" };
const readConfigMaps = { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] };

for (const what of ["validating", "mutating"] as const)
  suite(`policyParamHooks() of ${what} policies`, () => {
    const policies = `${ADMISSION}/${what}admissionpolicies`;
    const bindings = `${ADMISSION}/${what}admissionpolicybindings`;

    test("policyParamHooks() lets nobody name parameters that they may not read", async () => {
      const { fixture, asJane } = await withRights(readConfigMaps);
      const refused = await refusal(asJane("POST", policies, policy(what, secrets)));
      assert.equal(refused.code, 422);
      assert.ok(
        refused.message.endsWith(
          `is invalid: spec.paramKind: Forbidden: user ${SHOWN} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)`,
        ),
        refused.message,
      );
      const unknown = { apiVersion: "example.com/v1", kind: "Limit" };
      assert.equal((await refusal(asJane("POST", policies, policy(what, unknown)))).code, 422);
      const made = await asJane("POST", policies, policy(what, configMaps));
      const changed = { ...policy(what, secrets), metadata: made.metadata };
      assert.equal((await refusal(asJane("PUT", `${policies}/p`, changed))).code, 422);
      // what somebody else was allowed stays, and the rest may be changed
      const { metadata } = await fixture.send("PUT", `${policies}/p`, changed);
      const next = await asJane("PUT", `${policies}/p`, {
        ...policy(what, secrets, { failurePolicy: "Ignore" }),
        metadata,
      });
      assert.equal((next as { spec?: { failurePolicy?: string } }).spec?.failurePolicy, "Ignore");
    });

    test("policyParamHooks() lets nobody bind a policy to parameters that they may not read", async () => {
      const { fixture, asJane } = await withRights(readConfigMaps);
      const refused = async (paramRef: object): Promise<string> => {
        const { code, message } = await refusal(asJane("POST", bindings, binding(what, paramRef)));
        assert.equal(code, 422);
        return message;
      };
      assert.match(
        await refused({ name: "s", namespace: "default" }),
        /spec.paramRef: Forbidden: unable to get policy p to determine minimum required permissions and user &\{jane .*\} does not have "get" permission for all groups, versions and resources$/,
      );
      const { metadata } = await fixture.send("POST", policies, policy(what, secrets));
      const unread = `does not have "get" permission on the object referenced by paramRef`;
      assert.ok((await refused({ name: "s", namespace: "default" })).endsWith(`user ${SHOWN} ${unread}`));
      assert.match(await refused({ selector: {} }), /does not have "list" permission on the object/);
      await fixture.send("PUT", `${policies}/p`, { ...policy(what, configMaps), metadata });
      const made = await asJane("POST", bindings, binding(what, { name: "s", namespace: "default" }));
      assert.equal(made.metadata.name, "b");
    });
  });

test("policyParamHooks() leaves what is invalid otherwise to validation", async () => {
  const { asJane } = await withRights();
  const path = `${ADMISSION}/validatingadmissionpolicies`;
  const wrong = policy("validating", secrets, { validations: [] });
  const { message } = await refusal(asJane("POST", path, wrong));
  assert.match(message, /spec\.validations/);
  assert.doesNotMatch(message, /paramKind/);
});
