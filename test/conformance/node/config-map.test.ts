/** ConfigMaps as objects: what keys they may have, and every operation on them. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { isInvalid, isNotFound } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";

function newConfigMap(t: ConformanceContext, name: string, data: ConfigMap["data"] = {}): ConfigMap {
  const metadata = { name, namespace: t.namespace, labels: { "made-by": t.unique } };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

conformance(
  "[sig-node] ConfigMap should fail to create ConfigMap with empty key",
  { containers: true },
  async (t) => {
    const { client, signal, namespace } = t;
    for (const field of ["data", "binaryData"] as const) {
      const map = { ...newConfigMap(t, "settings"), [field]: { "": "dmFsdWU=" } };
      await assert.rejects(client.create(ConfigMaps, map, signal), (err) => {
        assert.ok(isInvalid(err), String(err));
        assert.match(String(err), new RegExp(`${field}\\[\\]: Invalid value: ""`));
        return true;
      });
    }
    await assert.rejects(client.get(ConfigMaps, { namespace, name: "settings" }, signal), isNotFound);
  },
);

conformance("[sig-node] ConfigMap should update ConfigMap successfully", { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  const made = await client.create(ConfigMaps, newConfigMap(t, "settings", { a: "1", b: "2" }), signal);
  const { resourceVersion } = made.metadata;
  const watch = t.watch(ConfigMaps, { namespace, resourceVersion: resourceVersion! });
  const updated = await client.update(ConfigMaps, { ...made, data: { a: "one", c: "3" } }, signal);
  assert.deepEqual(updated.data, { a: "one", c: "3" });
  assert.notEqual(updated.metadata.resourceVersion, resourceVersion);
  assert.equal(updated.metadata.uid, made.metadata.uid);
  const { type, object } = await watch.next();
  assert.equal(type, "MODIFIED");
  assert.deepEqual(object.data, updated.data);
  const read = await client.get(ConfigMaps, made.metadata, signal);
  assert.deepEqual(read.data, updated.data);
});

conformance(
  "[sig-node] ConfigMap should run through a ConfigMap lifecycle",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const labelSelector = `made-by=${unique}`;
    const { resourceVersion } = (await client.list(ConfigMaps, { labelSelector }, signal)).metadata;
    const watch = t.watch(ConfigMaps, { namespace, labelSelector, resourceVersion: resourceVersion! });
    const made = await client.create(ConfigMaps, newConfigMap(t, "settings", { a: "1" }), signal);
    await client.create(
      ConfigMaps,
      { ...newConfigMap(t, "other"), metadata: { name: "other", namespace } },
      signal,
    );
    assert.deepEqual(
      [(await watch.next()).type, watch.events[0]?.object.metadata.name],
      ["ADDED", "settings"],
    );

    const body = { metadata: { labels: { patched: "yes" } }, data: { a: "patched", b: "2" } };
    const patched = await client.patch(ConfigMaps, made.metadata, { type: "merge", body }, signal);
    assert.deepEqual(patched.data, { a: "patched", b: "2" });
    const seen = await watch.next();
    assert.deepEqual(seen, { type: "MODIFIED", object: patched });
    const read = await client.get(ConfigMaps, made.metadata, signal);
    assert.deepEqual(read.metadata.labels, { "made-by": unique, patched: "yes" });

    // In all namespaces.
    const { items } = await client.list(ConfigMaps, { labelSelector }, signal);
    assert.deepEqual(
      items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      [`${namespace}/settings`],
    );
    await client.deleteCollection(ConfigMaps, { namespace, labelSelector }, signal);
    assert.equal((await watch.next()).type, "DELETED");
    await assert.rejects(client.get(ConfigMaps, made.metadata, signal), isNotFound);
    assert.equal((await client.get(ConfigMaps, { namespace, name: "other" }, signal)).metadata.name, "other");
  },
);
