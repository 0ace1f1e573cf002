/** PodTemplates as objects. */
import assert from "node:assert/strict";
import { PodTemplates } from "#api/core/v1/podtemplate";
import type { PodTemplate } from "#api/core/v1/types.gen";
import { isConflict, isNotFound } from "#apimachinery";
import { CONTAINER, conformance, type ConformanceContext } from "../harness/index.ts";

function newPodTemplate(t: ConformanceContext, name: string, made = t.unique): PodTemplate {
  return {
    apiVersion: "v1",
    kind: "PodTemplate",
    metadata: { name, namespace: t.namespace, labels: { made } },
    template: { metadata: { labels: { made } }, spec: { containers: [CONTAINER] } },
  };
}

async function namesOf(t: ConformanceContext, labelSelector: string): Promise<readonly string[]> {
  const { items } = await t.client.list(PodTemplates, { labelSelector }, t.signal);
  return items.map(({ metadata }) => metadata.name).toSorted();
}

conformance(
  "[sig-node] PodTemplates should run the lifecycle of PodTemplates",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const made = await client.create(PodTemplates, newPodTemplate(t, "web"), signal);
    assert.equal(made.template?.spec?.restartPolicy, "Always", "defaults are those of pods");
    assert.deepEqual(await namesOf(t, `made=${unique}`), ["web"]);
    const watch = t.watch(PodTemplates, { namespace, resourceVersion: made.metadata.resourceVersion! });
    const body = { template: { metadata: { labels: { patched: "yes" } } } };
    const patched = await client.patch(PodTemplates, made.metadata, { type: "strategic", body }, signal);
    assert.deepEqual(patched.template?.metadata?.labels, { made: unique, patched: "yes" });
    assert.deepEqual(patched.template.spec, made.template.spec);
    const read = await client.get(PodTemplates, made.metadata, signal);
    assert.deepEqual(read.template, patched.template);
    await client.delete(PodTemplates, made.metadata, signal);
    assert.deepEqual([(await watch.next()).type, (await watch.next()).type], ["MODIFIED", "DELETED"]);
    assert.deepEqual(await namesOf(t, `made=${unique}`), []);
  },
);

conformance("[sig-node] PodTemplates should replace a pod template", { containers: true }, async (t) => {
  const { client, signal } = t;
  const made = await client.create(PodTemplates, newPodTemplate(t, "web"), signal);
  const containers = [{ name: "other", image: "registry.example.com/other:1" }];
  const metadata = { ...made.metadata, annotations: { replaced: "yes" } };
  const next = { ...made, metadata, template: { spec: { containers } } };
  const replaced = await client.update(PodTemplates, next, signal);
  assert.deepEqual(replaced.metadata.annotations, { replaced: "yes" });
  assert.deepEqual(
    replaced.template?.spec?.containers.map(({ name, image }) => `${name} ${image}`),
    ["other registry.example.com/other:1"],
  );
  assert.equal(replaced.template.metadata?.labels, undefined, "what the new one has not is gone");
  assert.deepEqual((await client.get(PodTemplates, made.metadata, signal)).template, replaced.template);
  await assert.rejects(client.update(PodTemplates, made, signal), isConflict);
});

conformance(
  "[sig-node] PodTemplates should delete a collection of pod templates",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    for (const name of ["one", "two", "three"])
      await client.create(PodTemplates, newPodTemplate(t, name), signal);
    await client.create(PodTemplates, newPodTemplate(t, "other", `not-${unique}`), signal);
    const labelSelector = `made=${unique}`;
    assert.deepEqual(await namesOf(t, labelSelector), ["one", "three", "two"]);
    await client.deleteCollection(PodTemplates, { namespace, labelSelector }, signal);
    assert.deepEqual(await namesOf(t, labelSelector), []);
    await assert.rejects(client.get(PodTemplates, { namespace, name: "one" }, signal), isNotFound);
    assert.deepEqual(await namesOf(t, `made=not-${unique}`), ["other"]);
  },
);
