/** ResourceQuotas as objects: their fields, their status, and how soon it is right. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import type { PatchOptions } from "#client";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { createQuota, newQuota, overQuota, untilUsed } from "./resource-quota-fixture.ts";

const STATUS: PatchOptions = { subresource: "status" };

function names(quotas: readonly ResourceQuota[]): readonly string[] {
  return quotas.map(({ metadata }) => metadata.name).toSorted();
}

function newConfigMap(t: ConformanceContext, name: string) {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: t.namespace },
  } as const;
}

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated.",
  async (t) => {
    const hard = {
      configmaps: "10",
      "count/replicasets.apps": "5",
      cpu: "1",
      "limits.memory": "1Gi",
      persistentvolumeclaims: "10",
      pods: "5",
      "requests.ephemeral-storage": "50Gi",
      "requests.storage": "10Gi",
      resourcequotas: "1",
      secrets: "10",
      services: "10",
      "services.loadbalancers": "1",
      "services.nodeports": "1",
    };
    const maps = await t.client.list(ConfigMaps, { namespace: t.namespace }, t.signal);
    const { status } = await createQuota(t, "quota", hard);
    const none = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));
    // It counts itself, and what every namespace has.
    const used = { ...none, resourcequotas: "1", configmaps: String(Math.max(maps.items.length, 1)) };
    assert.deepEqual(status?.hard, hard);
    await untilUsed(t, "quota", used);
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota.",
  async (t) => {
    const { client, signal, namespace } = t;
    const ref = { namespace, name: "quota" };
    const made = await client.create(
      ResourceQuotas,
      newQuota(t, "quota", { cpu: "1", memory: "500Mi" }),
      signal,
    );
    const got = await client.get(ResourceQuotas, ref, signal);
    assert.deepEqual(got.spec?.hard, { cpu: "1", memory: "500Mi" });
    assert.equal(got.metadata.uid, made.metadata.uid);
    await t.waitFor(ResourceQuotas, ref, (quota) => quota?.status?.hard?.["cpu"] === "1");

    const counted = await client.get(ResourceQuotas, ref, signal);
    const hard = { cpu: "2", memory: "1Gi" };
    const updated = await client.update(
      ResourceQuotas,
      { ...counted, spec: { ...counted.spec, hard } },
      signal,
    );
    assert.deepEqual(updated.spec?.hard, hard);
    assert.deepEqual((await client.get(ResourceQuotas, ref, signal)).spec?.hard, hard);
    await t.waitFor(ResourceQuotas, ref, (quota) => quota?.status?.hard?.["memory"] === "1Gi");

    await client.delete(ResourceQuotas, ref, signal);
    const gone = await t.http({ path: `/api/v1/namespaces/${namespace}/resourcequotas/quota` });
    assert.equal(gone.status, 404, gone.text);
    await t.waitGone(ResourceQuotas, ref);
    // Nothing is held back by what is gone.
    await client.create(ConfigMaps, newConfigMap(t, "free"), signal);
  },
);

conformance("[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota", async (t) => {
  const { client, signal, namespace, unique } = t;
  const labelled = newQuota(t, "quota", { pods: "2" });
  const labels = { test: unique };
  const metadata = { ...labelled.metadata, labels };
  const made = await client.create(ResourceQuotas, { ...labelled, metadata }, signal);
  const labelSelector = `test=${unique}`;
  const watch = t.watch(ResourceQuotas, {
    namespace,
    labelSelector,
    resourceVersion: made.metadata.resourceVersion!,
  });
  const other = await t.newNamespace();
  const elsewhere = { ...metadata, namespace: other, name: "elsewhere" };
  await client.create(ResourceQuotas, { ...labelled, metadata: elsewhere }, signal);
  await client.create(ResourceQuotas, newQuota(t, "unlabelled", { pods: "3" }), signal);

  const everywhere = await client.list(ResourceQuotas, { labelSelector }, signal);
  assert.deepEqual(names(everywhere.items), ["elsewhere", "quota"]);
  const here = await client.list(ResourceQuotas, { namespace, labelSelector }, signal);
  assert.deepEqual(names(here.items), ["quota"]);
  const both = await client.list(ResourceQuotas, { namespace }, signal);
  assert.deepEqual(names(both.items), ["quota", "unlabelled"]);

  const body = { metadata: { labels: { patched: "yes" } }, spec: { hard: { pods: "7" } } };
  const patched = await client.patch(ResourceQuotas, metadata, { type: "strategic", body }, signal);
  assert.deepEqual(patched.metadata.labels, { ...labels, patched: "yes" });
  assert.deepEqual(patched.spec?.hard, { pods: "7" });
  const seen = await watch.until(
    "the patched quota",
    ({ type, object }) => type === "MODIFIED" && object.spec?.hard?.["pods"] === "7",
  );
  assert.equal(seen.type, "MODIFIED");

  await client.deleteCollection(ResourceQuotas, { namespace, labelSelector }, signal);
  await watch.until(
    "the deletion",
    ({ type, object }) => type === "DELETED" && object.metadata.name === "quota",
  );
  const left = await client.list(ResourceQuotas, { namespace }, signal);
  assert.deepEqual(names(left.items), ["unlabelled"]);
  assert.deepEqual(names((await client.list(ResourceQuotas, { labelSelector }, signal)).items), [
    "elsewhere",
  ]);
});

conformance("[sig-api-machinery] ResourceQuota should apply changes to a resourcequota status", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "quota" };
  const made = await createQuota(t, "quota", { configmaps: "5", "requests.cpu": "500m" });
  const watch = t.watch(ResourceQuotas, { namespace, resourceVersion: made.metadata.resourceVersion! });
  const path = `/api/v1/namespaces/${namespace}/resourcequotas/quota/status`;
  const read = (): Promise<ResourceQuota> =>
    t.http({ path }).then((answer) => answer.json() as ResourceQuota);

  // What the spec does not say is undone by whoever counts, so the answers and events of the writes are looked at.
  const hard = { ...made.status?.hard, "requests.cpu": "600m" };
  const wrong = { ...made, spec: { hard: { configmaps: "50" } }, status: { ...made.status, hard } };
  const updated = await client.updateStatus(ResourceQuotas, wrong, signal);
  assert.deepEqual(updated.status?.hard, hard);
  assert.deepEqual(
    updated.spec?.hard,
    { configmaps: "5", "requests.cpu": "500m" },
    "status has a place of its own",
  );
  const first = await watch.until(
    "the update",
    ({ type, object }) => type === "MODIFIED" && object.status?.hard?.["requests.cpu"] === "600m",
  );
  assert.equal(first.type, "MODIFIED");
  await watch.until(
    "the right status",
    ({ type, object }) => type === "MODIFIED" && object.status?.hard?.["requests.cpu"] === "500m",
  );

  const body = { status: { hard: { "requests.cpu": "700m" } } };
  const patched = await client.patch(ResourceQuotas, ref, { type: "merge", body }, signal, STATUS);
  assert.deepEqual(patched.status?.hard, { configmaps: "5", "requests.cpu": "700m" });
  await watch.until(
    "the patch",
    ({ type, object }) => type === "MODIFIED" && object.status?.hard?.["requests.cpu"] === "700m",
  );
  await watch.until(
    "the right status",
    ({ type, object }) => type === "MODIFIED" && object.status?.hard?.["requests.cpu"] === "500m",
  );
  const now = await read();
  assert.equal(now.kind, "ResourceQuota");
  assert.deepEqual(now.status?.hard, { configmaps: "5", "requests.cpu": "500m" });

  // A write of the object leaves the status alone.
  const body2 = { metadata: { labels: { a: "b" } }, status: { used: { configmaps: "5" } } };
  const untouched = await client.patch(ResourceQuotas, ref, { type: "merge", body: body2 }, signal);
  assert.notEqual(untouched.status?.used?.["configmaps"], "5");
  assert.equal(untouched.metadata.labels?.["a"], "b");
});

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap.",
  async (t) => {
    const { client, signal, namespace } = t;
    await t.waitFor(ConfigMaps, { namespace, name: "kube-root-ca.crt" }, (map) => map !== undefined);
    await createQuota(t, "quota", { configmaps: "2", "count/configmaps": "3" });
    await untilUsed(t, "quota", { configmaps: "1", "count/configmaps": "1" });
    await client.create(ConfigMaps, newConfigMap(t, "one"), signal);
    await untilUsed(t, "quota", { configmaps: "2", "count/configmaps": "2" });
    const message = await overQuota(client.create(ConfigMaps, newConfigMap(t, "two"), signal));
    assert.equal(
      message,
      `configmaps "two" is forbidden: exceeded quota: quota, requested: configmaps=1, used: configmaps=2, limited: configmaps=2`,
    );
    await client.delete(ConfigMaps, { namespace, name: "one" }, signal);
    await untilUsed(t, "quota", { configmaps: "1", "count/configmaps": "1" });
    await client.create(ConfigMaps, newConfigMap(t, "two"), signal);
  },
);
