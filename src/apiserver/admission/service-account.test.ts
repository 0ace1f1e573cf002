import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeClock, type KubeObject } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { PODS, refusal, start, type Fixture } from "../server-fixture.ts";
import type { Attributes } from "./plugin.ts";
import { serviceAccountAdmission } from "./service-account.ts";

const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";
const ANNOTATION = "kubernetes.io/enforce-mountable-secrets";

async function withAccounts(): Promise<Fixture> {
  const fixture = await start({ priorityAndFairness: false });
  await fixture.send("POST", ACCOUNTS, { metadata: { name: "default" } });
  await fixture.send("POST", ACCOUNTS, {
    metadata: { name: "strict", annotations: { [ANNOTATION]: "true" } },
    secrets: [{ name: "own" }],
    imagePullSecrets: [{ name: "registry" }],
  });
  return fixture;
}

const container = (more: object = {}): object => ({ name: "c", image: "i", ...more });
const env = (name: string): object => ({
  env: [{ name: "A", valueFrom: { secretKeyRef: { name, key: "k" } } }],
});
const envFrom = (name: string): object => ({ envFrom: [{ secretRef: { name } }] });
const pod = (spec: object, metadata: object = {}): object => ({
  metadata: { name: "p", ...metadata },
  spec: { containers: [container()], ...spec },
});
const projected = (source: object): object => ({
  volumes: [{ name: "v", projected: { sources: [source] } }],
});
const why = (text: string, what = "secret"): string =>
  `pods "p" is forbidden: ${text} is not allowed because service account strict does not reference that ${what}`;

/** A mutation that gives the pod `from` another account. */
const changing = (from: string, to: string): object => ({
  patchType: "JSONPatch",
  jsonPatch: {
    expression: `object.metadata.name != "${from}" ? [] : [JSONPatch{op: "replace", path: "/spec/serviceAccountName", value: "${to}"}]`,
  },
});

suite("serviceAccountAdmission()", () => {
  test("serviceAccountAdmission() keeps a pod to the Secrets that its annotated account lists", async () => {
    const { send } = await withAccounts();
    const serviceAccountName = "strict";
    for (const [spec, message] of [
      [
        { volumes: [{ name: "v", secret: { secretName: "other" } }] },
        why('volume with secret.secretName="other"'),
      ],
      [
        { initContainers: [container({ name: "i", ...env("other") })] },
        why('init container i with envVar A referencing secret.secretName="other"'),
      ],
      [
        { containers: [container(env("other"))] },
        why('container c with envVar A referencing secret.secretName="other"'),
      ],
      [
        { containers: [container(envFrom("other"))] },
        why('container c with envFrom referencing secret.secretName="other"'),
      ],
      [
        { imagePullSecrets: [{ name: "registry" }, { name: "other" }] },
        why('imagePullSecrets[1].name="other"', "imagePullSecret"),
      ],
    ] as const) {
      const refused = await refusal(send("POST", PODS, pod({ serviceAccountName, ...spec })));
      assert.deepEqual([refused.code, refused.message], [403, message]);
    }
    const volumes = [{ name: "v", secret: { secretName: "own" } }];
    const containers = [container({ ...env("own"), ...envFrom("own") })];
    const made = (await send("POST", PODS, pod({ serviceAccountName, volumes, containers }))) as Pod;
    assert.deepEqual(made.spec?.imagePullSecrets, [{ name: "registry" }]);
    // an account without the annotation keeps its pods from nothing
    await send("POST", PODS, pod({ containers: [container(env("other"))] }, { name: "free" }));
  });

  test("serviceAccountAdmission() keeps ephemeral containers to the Secrets that the account lists", async () => {
    const { send } = await withAccounts();
    const made = (await send("POST", PODS, pod({ serviceAccountName: "strict" }))) as Pod;
    const adding = (more: object): object => ({
      ...made,
      spec: { ...made.spec, ephemeralContainers: [container({ name: "debug", ...more })] },
    });
    for (const [more, how] of [
      [env("other"), "envVar A"],
      [envFrom("other"), "envFrom"],
    ] as const) {
      const { message } = await refusal(send("PUT", `${PODS}/p/ephemeralcontainers`, adding(more)));
      assert.equal(
        message,
        why(`ephemeral container debug with ${how} referencing secret.secretName="other"`),
      );
    }
    await send("PUT", `${PODS}/p/ephemeralcontainers`, adding(env("own")));
  });

  test("serviceAccountAdmission() lets mirrors of static pods name neither accounts, secrets nor tokens", async () => {
    const { send } = await withAccounts();
    const annotations = { "kubernetes.io/config.mirror": "hash" };
    const secrets = "a mirror pod may not reference secrets";
    for (const [spec, message] of [
      [{ serviceAccountName: "default" }, "a mirror pod may not reference service accounts"],
      [{ volumes: [{ name: "v", secret: { secretName: "s" } }] }, secrets],
      [{ containers: [container(env("s"))] }, secrets],
      [{ initContainers: [container({ name: "i", ...envFrom("s") })] }, secrets],
      [{ imagePullSecrets: [{ name: "s" }] }, secrets],
      [projected({ secret: { name: "s" } }), secrets],
      [
        projected({ serviceAccountToken: { path: "token" } }),
        "a mirror pod may not use ServiceAccountToken volume projections",
      ],
    ] as const) {
      const refused = await refusal(send("POST", PODS, pod({ nodeName: "n1", ...spec }, { annotations })));
      assert.equal(refused.message, `pods "p" is forbidden: ${message}`);
    }
    await send("POST", PODS, pod({ nodeName: "n1" }, { annotations }));
  });

  test("serviceAccountAdmission() judges what policies made of the pod", async () => {
    const { send } = await withAccounts();
    const admission = "/apis/admissionregistration.k8s.io/v1";
    const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] };
    await send("POST", `${admission}/mutatingadmissionpolicies`, {
      metadata: { name: "change" },
      spec: {
        matchConstraints: { resourceRules: [rule] },
        reinvocationPolicy: "Never",
        mutations: [changing("gone", "nobody"), changing("moved", "strict")],
      },
    });
    await send("POST", `${admission}/mutatingadmissionpolicybindings`, {
      metadata: { name: "change" },
      spec: { policyName: "change" },
    });
    const gone = await refusal(send("POST", PODS, pod({}, { name: "gone" })));
    const unknown = 'error looking up service account default/nobody: serviceaccount "nobody" not found';
    assert.equal(gone.message, `pods "gone" is forbidden: ${unknown}`);
    const containers = [container(env("other"))];
    const moved = await refusal(send("POST", PODS, pod({ containers }, { name: "moved" })));
    assert.match(moved.message, /service account strict does not reference that secret$/);
  });
});

test("serviceAccountAdmission() validates the pod as it will be stored, whoever changed it last", async () => {
  const strict = {
    metadata: { name: "strict", namespace: "default", annotations: { [ANNOTATION]: "true" } },
  };
  const find = (_resource: string, _namespace: string, name: string): KubeObject | undefined =>
    name === "strict" ? { apiVersion: "v1", kind: "ServiceAccount", ...strict } : undefined;
  const getLive = (...asked: Parameters<typeof find>): Promise<KubeObject | undefined> =>
    Promise.resolve(find(...asked));
  const lookup = { get: find, getLive, list: () => [] };
  const plugin = serviceAccountAdmission({ lookup, clock: new FakeClock(), random: () => 0 });
  const validate = async (spec: object): Promise<string> => {
    const where = { namespace: "default", name: "p", subresource: "", kind: Pods, operation: "CREATE" };
    const attributes = { ...where, object: pod(spec) } as unknown as Attributes;
    return (await refusal(Promise.resolve(plugin.validate?.(attributes)))).message;
  };
  const containers = [container(env("other"))];
  assert.match(await validate({}), /no service account specified for pod default\/p$/);
  assert.match(await validate({ serviceAccountName: "gone" }), /serviceaccount "gone" not found$/);
  assert.match(
    await validate({ serviceAccountName: "strict", containers }),
    /does not reference that secret$/,
  );
});
