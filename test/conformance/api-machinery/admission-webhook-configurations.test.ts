/** Webhook configurations: listed, changed, judged; what they say counts with the next request. @module */
import assert from "node:assert/strict";
import { MutatingWebhookConfigurations } from "#api/admissionregistration/v1/mutatingwebhookconfiguration";
import type { MatchCondition } from "#api/admissionregistration/v1/types.gen";
import { ValidatingWebhookConfigurations } from "#api/admissionregistration/v1/validatingwebhookconfiguration";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { isInvalid, isNotFound } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import {
  addsData,
  deny,
  mutate,
  mutating,
  rule,
  serveHook,
  validate,
  validating,
  webhook,
} from "./admission-webhook-fixture.ts";

const PREFIX = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]";

function create(t: ConformanceContext, name: string): Promise<ConfigMap> {
  const metadata = { name, namespace: t.namespace };
  return t.client.create(
    ConfigMaps,
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "b" } },
    t.signal,
  );
}

conformance(`${PREFIX} should include webhook resources in discovery documents`, async (t) => {
  const groups = (await t.http({ path: "/apis" })).json() as {
    groups: readonly { name: string; versions: readonly { version: string }[] }[];
  };
  const group = groups.groups.find(({ name }) => name === "admissionregistration.k8s.io");
  assert.ok(group?.versions.some(({ version }) => version === "v1"));
  const own = (await t.http({ path: "/apis/admissionregistration.k8s.io" })).json() as typeof group;
  assert.ok(own?.versions.some(({ version }) => version === "v1"));
  const { resources } = (await t.http({ path: "/apis/admissionregistration.k8s.io/v1" })).json() as {
    resources: readonly { name: string }[];
  };
  const names = resources.map(({ name }) => name);
  assert.ok(names.includes("mutatingwebhookconfigurations"));
  assert.ok(names.includes("validatingwebhookconfigurations"));
});

conformance(`${PREFIX} listing validating webhooks should work`, async (t) => {
  const hook = await serveHook(t, "deny", deny("not here"));
  const names = ["a", "b", "c"].map((name) => `${t.unique}-${name}`);
  for (const name of names) await validate(t, [webhook(t, hook, [rule("configmaps")])], name);
  const mine = { labelSelector: `test=${t.unique}` };
  const { items } = await t.client.list(ValidatingWebhookConfigurations, mine, t.signal);
  assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), names);
  await assert.rejects(create(t, "one"), /denied the request: not here$/);
  await t.client.deleteCollection(ValidatingWebhookConfigurations, mine, t.signal);
  await create(t, "one");
});

conformance(`${PREFIX} listing mutating webhooks should work`, async (t) => {
  const hook = await serveHook(t, "add", addsData("mutated"));
  const names = ["a", "b", "c"].map((name) => `${t.unique}-${name}`);
  for (const name of names) await mutate(t, [webhook(t, hook, [rule("configmaps")])], name);
  const mine = { labelSelector: `test=${t.unique}` };
  const { items } = await t.client.list(MutatingWebhookConfigurations, mine, t.signal);
  assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), names);
  assert.deepEqual((await create(t, "one")).data, { a: "b", mutated: "yes" });
  await t.client.deleteCollection(MutatingWebhookConfigurations, mine, t.signal);
  assert.deepEqual((await create(t, "two")).data, { a: "b" });
});

const OPERATIONS = "/webhooks/0/rules/0/operations";
const operations = (...value: readonly string[]) =>
  ({ type: "json", body: [{ op: "replace", path: OPERATIONS, value }] }) as const;

conformance(`${PREFIX} patching/updating a validating webhook should work`, async (t) => {
  const hook = await serveHook(t, "deny", deny("not here"));
  const made = await validate(t, [webhook(t, hook, [rule("configmaps")])]);
  await assert.rejects(create(t, "one"), /not here$/);
  const updated = { ...made, webhooks: [webhook(t, hook, [rule("configmaps", ["UPDATE"])])] };
  await t.client.update(ValidatingWebhookConfigurations, updated, t.signal);
  await create(t, "one");
  await t.client.patch(ValidatingWebhookConfigurations, { name: t.unique }, operations("CREATE"), t.signal);
  await assert.rejects(create(t, "two"), /not here$/);
});

conformance(`${PREFIX} patching/updating a mutating webhook should work`, async (t) => {
  const hook = await serveHook(t, "add", addsData("mutated"));
  const made = await mutate(t, [webhook(t, hook, [rule("configmaps")])]);
  const updated = { ...made, webhooks: [webhook(t, hook, [rule("configmaps", ["UPDATE"])])] };
  await t.client.update(MutatingWebhookConfigurations, updated, t.signal);
  assert.deepEqual((await create(t, "one")).data, { a: "b" });
  await t.client.patch(MutatingWebhookConfigurations, { name: t.unique }, operations("CREATE"), t.signal);
  assert.deepEqual((await create(t, "two")).data, { a: "b", mutated: "yes" });
});

const CONDITIONS: readonly MatchCondition[] = [
  { name: "expression-1", expression: "object.metadata.name != 'skipped'" },
];
const CHANGED: readonly MatchCondition[] = [
  ...CONDITIONS,
  { name: "expression-2", expression: "authorizer.group('').resource('secrets').check('list').allowed()" },
];

conformance(
  `${PREFIX} should be able to create and update validating webhook configurations with match conditions`,
  async (t) => {
    const hook = await serveHook(t, "deny", deny("not here"));
    const rules = [rule("configmaps")];
    const made = await validate(t, [webhook(t, hook, rules, { matchConditions: CONDITIONS })]);
    assert.deepEqual(made.webhooks?.[0]?.matchConditions, CONDITIONS);
    await create(t, "skipped");
    await assert.rejects(create(t, "asked"), /not here$/);
    const updated = await t.client.update(
      ValidatingWebhookConfigurations,
      { ...made, webhooks: [webhook(t, hook, rules, { matchConditions: CHANGED })] },
      t.signal,
    );
    assert.deepEqual(updated.webhooks?.[0]?.matchConditions, CHANGED);
    await assert.rejects(create(t, "asked"), /not here$/);
  },
);

conformance(
  `${PREFIX} should be able to create and update mutating webhook configurations with match conditions`,
  async (t) => {
    const hook = await serveHook(t, "add", addsData("mutated"));
    const rules = [rule("configmaps")];
    const made = await mutate(t, [webhook(t, hook, rules, { matchConditions: CONDITIONS })]);
    assert.deepEqual(made.webhooks?.[0]?.matchConditions, CONDITIONS);
    assert.deepEqual((await create(t, "skipped")).data, { a: "b" });
    const updated = await t.client.update(
      MutatingWebhookConfigurations,
      { ...made, webhooks: [webhook(t, hook, rules, { matchConditions: CHANGED })] },
      t.signal,
    );
    assert.deepEqual(updated.webhooks?.[0]?.matchConditions, CHANGED);
    assert.deepEqual((await create(t, "asked")).data, { a: "b", mutated: "yes" });
  },
);

const BROKEN: readonly MatchCondition[] = [
  ...CONDITIONS,
  { name: "invalid-expression", expression: "... [] bad expression" },
];

conformance(
  `${PREFIX} should reject validating webhook configurations with invalid match conditions`,
  async (t) => {
    const hook = { url: "https://127.0.0.1:1/", caBundle: "" };
    const webhooks = [webhook(t, hook, [rule("configmaps")], { matchConditions: BROKEN })];
    const request = t.client.create(
      ValidatingWebhookConfigurations,
      validating(t.unique, webhooks, t),
      t.signal,
    );
    await assert.rejects(request, (err) => isInvalid(err) && /compilation failed/.test(String(err)));
    await assert.rejects(
      t.client.get(ValidatingWebhookConfigurations, { name: t.unique }, t.signal),
      isNotFound,
    );
  },
);

conformance(
  `${PREFIX} should reject mutating webhook configurations with invalid match conditions`,
  async (t) => {
    const hook = { url: "https://127.0.0.1:1/", caBundle: "" };
    const webhooks = [webhook(t, hook, [rule("configmaps")], { matchConditions: BROKEN })];
    const request = t.client.create(MutatingWebhookConfigurations, mutating(t.unique, webhooks, t), t.signal);
    await assert.rejects(request, (err) => isInvalid(err) && /compilation failed/.test(String(err)));
    await assert.rejects(
      t.client.get(MutatingWebhookConfigurations, { name: t.unique }, t.signal),
      isNotFound,
    );
  },
);
