/** Webhooks that change objects on their way, one after the other; defaults and pruning come after them. @module */
import assert from "node:assert/strict";
import type { CustomResourceDefinitionVersion } from "#api/apiextensions/v1/types.gen";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { KubeObject } from "#apimachinery";
import { dynamicKind } from "#client";
import { conformance, newCustomKind, newPod, type ConformanceContext } from "../harness/index.ts";
import {
  addsData,
  mutate,
  patching,
  rule,
  serveHook,
  webhook,
  type Handler,
} from "./admission-webhook-fixture.ts";

const PREFIX = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]";

function create(
  t: ConformanceContext,
  name: string,
  data: Readonly<Record<string, string>>,
): Promise<ConfigMap> {
  const metadata = { name, namespace: t.namespace };
  return t.client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data }, t.signal);
}

/** The second one acts on what the first one did. */
const secondStage: Handler = ({ object }) =>
  object?.data?.["stage-1"] === "yes"
    ? patching({ op: "add", path: "/data/stage-2", value: "yes" })
    : { allowed: true };

async function twoStages(t: ConformanceContext, resource: string, group = ""): Promise<void> {
  const first = await serveHook(t, "first", addsData("stage-1"));
  const second = await serveHook(t, "second", secondStage);
  await mutate(t, [
    webhook(t, first, [rule(resource, ["CREATE"], group)], { name: `a.${t.unique}.example.com` }),
    webhook(t, second, [rule(resource, ["CREATE"], group)], { name: `b.${t.unique}.example.com` }),
  ]);
}

const STAGES = { start: "yes", "stage-1": "yes", "stage-2": "yes" };

conformance(`${PREFIX} should mutate configmap`, async (t) => {
  await twoStages(t, "configmaps");
  assert.deepEqual((await create(t, "one", { start: "yes" })).data, STAGES);
});

conformance(`${PREFIX} should mutate everything except 'skip-me' configmaps`, async (t) => {
  const hook = await serveHook(t, "add", addsData("mutated"));
  const matchConditions = [{ name: "skip-me", expression: "object.metadata.name != 'skip-me'" }];
  await mutate(t, [webhook(t, hook, [rule("configmaps")], { matchConditions })]);
  assert.deepEqual((await create(t, "skip-me", { start: "yes" })).data, { start: "yes" });
  assert.deepEqual((await create(t, "mutate-me", { start: "yes" })).data, { start: "yes", mutated: "yes" });
});

conformance(`${PREFIX} should mutate pod and apply defaults after mutation`, async (t) => {
  const hook = await serveHook(t, "init", () =>
    patching({
      op: "add",
      path: "/spec/initContainers",
      value: [{ name: "added", image: "registry.example.com/init:1" }],
    }),
  );
  await mutate(t, [webhook(t, hook, [rule("pods")])]);
  const made = await t.client.create(Pods, newPod(t, "one"), t.signal);
  const [init, ...others] = made.spec?.initContainers ?? [];
  assert.equal(others.length, 0);
  assert.deepEqual(
    [init?.name, init?.imagePullPolicy, init?.terminationMessagePath, init?.terminationMessagePolicy],
    ["added", "IfNotPresent", "/dev/termination-log", "File"],
  );
});

type Custom = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const gadget = (t: ConformanceContext, apiVersion: string, name: string): never =>
  ({
    apiVersion,
    kind: "Gadget",
    metadata: { name, namespace: t.namespace },
    data: { start: "yes" },
  }) as never;

conformance(`${PREFIX} should mutate custom resource`, async (t) => {
  const { kind } = await newCustomKind(t);
  await twoStages(t, "gadgets", kind.group);
  const made = (await t.client.create(kind, gadget(t, `${kind.group}/v1`, "one"), t.signal)) as Custom;
  assert.deepEqual(made.data, STAGES);
});

conformance(`${PREFIX} should mutate custom resource with pruning`, async (t) => {
  const word = { type: "string" };
  const { kind } = await newCustomKind(t, {
    schema: {
      type: "object",
      properties: { data: { type: "object", properties: { start: word, "stage-1": word } } },
    },
  });
  await twoStages(t, "gadgets", kind.group);
  const made = (await t.client.create(kind, gadget(t, `${kind.group}/v1`, "one"), t.signal)) as Custom;
  assert.deepEqual(made.data, { start: "yes", "stage-1": "yes" });
});

function version(name: string, storage: boolean): CustomResourceDefinitionVersion {
  const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return { name, served: true, storage, schema: { openAPIV3Schema } };
}

conformance(`${PREFIX} should mutate custom resource with different stored version`, async (t) => {
  const { kind, crd } = await newCustomKind(t, { versions: [version("v1", true), version("v2", false)] });
  const { group } = kind;
  const hook = await serveHook(t, "add", addsData("mutated"));
  await mutate(t, [webhook(t, hook, [rule("gadgets", ["CREATE", "UPDATE"], group)])]);
  const ref = { namespace: t.namespace, name: "one" };
  await t.client.create(kind, gadget(t, `${group}/v1`, "one"), t.signal);
  const stored = { spec: { versions: [version("v1", false), version("v2", true)] } };
  await t.client.patch(
    CustomResourceDefinitions,
    { name: crd.metadata.name },
    { type: "merge", body: stored },
    t.signal,
  );
  const later = dynamicKind({ group, version: "v2", kind: "Gadget", plural: "gadgets", namespaced: true });
  const body = { data: { mutated: null, other: "yes" } };
  const changed = (await t.client.patch(later, ref, { type: "merge", body }, t.signal)) as Custom;
  assert.equal(changed.apiVersion, `${group}/v2`);
  assert.deepEqual(changed.data, { start: "yes", mutated: "yes", other: "yes" });
});
