/** Webhooks that refuse: creates, changes, deletes, connections, and whatever they cannot be asked about. @module */
import assert from "node:assert/strict";
import { ValidatingWebhookConfigurations } from "#api/admissionregistration/v1/validatingwebhookconfiguration";
import { MutatingWebhookConfigurations } from "#api/admissionregistration/v1/mutatingwebhookconfiguration";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { isNotFound, systemClock } from "#apimachinery";
import { conformance, newCustomKind, newPod, type ConformanceContext } from "../harness/index.ts";
import {
  deny,
  mutate,
  mutating,
  ofTest,
  patching,
  rule,
  serveHook,
  validate,
  validating,
  webhook,
  type Handler,
} from "./admission-webhook-fixture.ts";

const PREFIX = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]";
const ALL = ["CREATE", "UPDATE", "DELETE"];

function configMap(
  t: ConformanceContext,
  name: string,
  data: Readonly<Record<string, string>> = {},
): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: t.namespace }, data };
}

const create = (t: ConformanceContext, map: ConfigMap): Promise<ConfigMap> =>
  t.client.create(ConfigMaps, map, t.signal);

/** Refuses objects that say so in their data, old or new. */
const denyUnwanted: Handler = ({ object, oldObject, operation }) => {
  const { data } = (operation === "DELETE" ? oldObject : object) ?? {};
  const isUnwanted = data?.["webhook-e2e-test"] === "webhook-disallow";
  return isUnwanted
    ? { allowed: false, status: { message: "the object contains unwanted key and value" } }
    : { allowed: true };
};
const UNWANTED = { "webhook-e2e-test": "webhook-disallow" };
const WHY = /denied the request: the object contains unwanted key and value$/;

conformance(`${PREFIX} should be able to deny pod and configmap creation`, async (t) => {
  const pods = await serveHook(t, "pods", deny("the pod contains unwanted label"));
  const maps = await serveHook(t, "maps", denyUnwanted);
  await validate(t, [
    webhook(t, pods, [rule("pods")], { name: `pods.${t.unique}.example.com` }),
    webhook(t, maps, [rule("configmaps", ["CREATE", "UPDATE"])]),
  ]);
  await assert.rejects(
    t.client.create(Pods, newPod(t, "unwanted"), t.signal),
    /the pod contains unwanted label$/,
  );
  await assert.rejects(create(t, configMap(t, "unwanted", UNWANTED)), WHY);
  const wanted = await create(t, configMap(t, "wanted"));
  await assert.rejects(t.client.update(ConfigMaps, { ...wanted, data: UNWANTED }, t.signal), WHY);
  const patch = { type: "merge", body: { data: UNWANTED } } as const;
  await assert.rejects(
    t.client.patch(ConfigMaps, { namespace: t.namespace, name: "wanted" }, patch, t.signal),
    WHY,
  );
  const elsewhere = await t.newNamespace();
  const free = configMap(t, "unwanted", UNWANTED);
  await create(t, { ...free, metadata: { ...free.metadata, namespace: elsewhere } });
});

conformance(`${PREFIX} should be able to deny attaching pod`, async (t) => {
  const hook = await serveHook(t, "attach", ({ object, kind }) => {
    assert.deepEqual(
      [kind.kind, (object as { kind?: string } | null)?.kind],
      ["PodAttachOptions", "PodAttachOptions"],
    );
    return { allowed: false, status: { message: "attaching to pod is not allowed" } };
  });
  await validate(t, [webhook(t, hook, [rule("pods/attach", ["CONNECT"])])]);
  await t.client.create(Pods, newPod(t, "to-be-attached"), t.signal);
  await t.waitFor(
    Pods,
    { namespace: t.namespace, name: "to-be-attached" },
    (pod) => pod?.status?.phase === "Running",
  );
  const { code, stderr } = await t.tryKubectl(["attach", "to-be-attached", "--stdin", "--container=main"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /attaching to pod is not allowed/);
});

conformance(`${PREFIX} should be able to deny custom resource creation, update and deletion`, async (t) => {
  const { kind } = await newCustomKind(t);
  const hook = await serveHook(t, "custom", denyUnwanted);
  const { group } = kind;
  await validate(t, [webhook(t, hook, [rule("gadgets", ALL, group)])]);
  const gadget = (name: string, data: object): never =>
    ({
      apiVersion: `${group}/v1`,
      kind: "Gadget",
      metadata: { name, namespace: t.namespace },
      data,
    }) as never;
  await assert.rejects(t.client.create(kind, gadget("one", UNWANTED), t.signal), WHY);
  await t.client.create(kind, gadget("one", { a: "b" }), t.signal);
  const ref = { namespace: t.namespace, name: "one" };
  await assert.rejects(t.client.patch(kind, ref, { type: "merge", body: { data: UNWANTED } }, t.signal), WHY);
  await t.client.delete(ValidatingWebhookConfigurations, { name: t.unique }, t.signal);
  await t.client.patch(kind, ref, { type: "merge", body: { data: UNWANTED } }, t.signal);
  await validate(t, [webhook(t, hook, [rule("gadgets", ALL, group)])]);
  await assert.rejects(t.client.delete(kind, ref, t.signal), WHY);
  await t.client.delete(ValidatingWebhookConfigurations, { name: t.unique }, t.signal);
  await t.client.delete(kind, ref, t.signal);
});

conformance(`${PREFIX} should deny crd creation`, async (t) => {
  const hook = await serveHook(t, "crd", deny("the crd contains unwanted label"));
  const rules = [rule("customresourcedefinitions", ["CREATE"], "apiextensions.k8s.io")];
  await validate(t, [webhook(t, hook, rules, ofTest(t))]);
  const group = `${t.unique}.example.com`;
  const name = `widgets.${group}`;
  const versions = [
    { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
  ];
  const request = t.client.create(
    CustomResourceDefinitions,
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name, labels: { test: t.unique } },
      spec: { group, scope: "Cluster", versions, names: { plural: "widgets", kind: "Widget" } },
    },
    t.signal,
  );
  await assert.rejects(request, /denied the request: the crd contains unwanted label$/);
  await assert.rejects(t.client.get(CustomResourceDefinitions, { name }, t.signal), isNotFound);
});

conformance(`${PREFIX} should unconditionally reject operations on fail closed webhook`, async (t) => {
  // Nobody listens there.
  const hook = { url: "https://127.0.0.1:1/nobody", caBundle: "" };
  await validate(t, [webhook(t, hook, [rule("configmaps")], { failurePolicy: "Fail" })]);
  await assert.rejects(create(t, configMap(t, "one")), /failed calling webhook .*connection refused$/);
});

const SLOW_MS = 1_500;

conformance(`${PREFIX} should honor timeout`, async (t) => {
  const hook = await serveHook(t, "slow", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    systemClock.after(SLOW_MS, resolve);
    await promise;
    return { allowed: true };
  });
  const rules = [rule("configmaps")];
  const made = await validate(t, [webhook(t, hook, rules, { timeoutSeconds: 1, failurePolicy: "Fail" })]);
  await assert.rejects(create(t, configMap(t, "a")), /failed calling webhook .*context deadline exceeded$/);
  const change = async (extra: object): Promise<void> => {
    const { metadata } = await t.client.get(ValidatingWebhookConfigurations, { name: t.unique }, t.signal);
    const webhooks = [webhook(t, hook, rules, extra)];
    await t.client.update(ValidatingWebhookConfigurations, { ...made, metadata, webhooks }, t.signal);
  };
  await change({ timeoutSeconds: 1, failurePolicy: "Ignore" });
  await create(t, configMap(t, "ignored"));
  await change({ timeoutSeconds: 10, failurePolicy: "Fail" });
  await create(t, configMap(t, "waited-for"));
  await change({ failurePolicy: "Fail" });
  const { webhooks } = await t.client.get(ValidatingWebhookConfigurations, { name: t.unique }, t.signal);
  assert.equal(webhooks?.[0]?.timeoutSeconds, 10);
  await create(t, configMap(t, "waited-for-by-default"));
});

conformance(
  `${PREFIX} should not be able to mutate or prevent deletion of webhook configuration objects`,
  async (t) => {
    const rules = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"].map((resource) =>
      rule(resource, ALL, "admissionregistration.k8s.io"),
    );
    const denial = await serveHook(t, "deny", deny("configurations stay"));
    const change = await serveHook(t, "change", () =>
      patching({ op: "add", path: "/metadata/labels/mutated", value: "yes" }),
    );
    await validate(t, [webhook(t, denial, rules, ofTest(t))]);
    await mutate(t, [webhook(t, change, rules, ofTest(t))]);
    const name = `${t.unique}-dummy`;
    const idle = [webhook(t, denial, [rule("nothing", ["CREATE"], "nowhere.example.com")])];
    const one = await t.client.create(ValidatingWebhookConfigurations, validating(name, idle, t), t.signal);
    const two = await t.client.create(MutatingWebhookConfigurations, mutating(name, idle, t), t.signal);
    for (const { metadata } of [one, two]) assert.deepEqual(metadata.labels, { test: t.unique });
    await t.client.delete(ValidatingWebhookConfigurations, { name }, t.signal);
    await t.client.delete(MutatingWebhookConfigurations, { name }, t.signal);
    await assert.rejects(t.client.get(MutatingWebhookConfigurations, { name }, t.signal), isNotFound);
  },
);
