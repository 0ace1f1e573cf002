/** A custom kind is deleted while the garbage collector walks owners and dependents of it. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isNotFound, type Kind, type KubeObject, type ObjectMeta, type OwnerReference } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { dynamicKind } from "#client";
import { forEachParallel } from "../../src/controllers/batch.ts";
import { startCluster, type Cluster } from "./controllers-cluster.ts";

const WATCHED = [CustomResourceDefinitions, ConfigMaps] as unknown as readonly Kind[];
const names = { plural: "gadgets", singular: "gadget", kind: "Gadget", listKind: "GadgetList" };
const DEFINITION = "gadgets.example.com";
const HOLD = "example.com/hold";
const OWNERS = 40;
const Gadgets = dynamicKind({
  group: "example.com",
  version: "v1",
  kind: names.kind,
  plural: names.plural,
  namespaced: true,
}) as unknown as Kind;

function definition(): CustomResourceDefinition {
  const schema = { openAPIV3Schema: { type: "object" } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: DEFINITION },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

async function define(cluster: Cluster): Promise<void> {
  const { client, informers, signal } = cluster;
  await client.create(CustomResourceDefinitions, definition(), signal);
  await cluster.until("the kind is served", WATCHED, () =>
    informers
      .lister(CustomResourceDefinitions)
      .get(DEFINITION)
      ?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True"),
  );
}

const gadget = (name: string, metadata: Partial<ObjectMeta> = {}): KubeObject => ({
  apiVersion: "example.com/v1",
  kind: "Gadget",
  metadata: { ...metadata, name, namespace: "default" },
});
const configMap = (name: string, metadata: Partial<ObjectMeta> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { ...metadata, name, namespace: "default" },
});
const refTo = ({ apiVersion, kind, metadata: { name, uid } }: KubeObject): OwnerReference => ({
  apiVersion,
  kind,
  name,
  uid: uid!,
  blockOwnerDeletion: true,
});

/** `OWNERS` gadgets with a ConfigMap below each, and as many ConfigMaps with a gadget below each. */
async function newFamilies({ client, signal }: Cluster): Promise<void> {
  await forEachParallel(Array.from({ length: OWNERS }).keys().toArray(), async (i) => {
    const above = await client.create(Gadgets, gadget(`above-${i}`), signal);
    const below = configMap(`below-${i}`, { ownerReferences: [refTo(above)] });
    await client.create(ConfigMaps, below, signal);
    const owner = await client.create(ConfigMaps, configMap(`owner-${i}`), signal);
    // every second one waits for somebody outside
    const finalizers = i % 2 === 0 ? [HOLD] : [];
    await client.create(
      Gadgets,
      gadget(`part-${i}`, { ownerReferences: [refTo(owner)], finalizers }),
      signal,
    );
  });
}

/** The collector holds back owners for the dependents that it knows: those below a kind made just now it may not know yet. */
async function collectorKnowsGadgets({ client, signal }: Cluster): Promise<void> {
  const owner = await client.create(ConfigMaps, configMap("scout"), signal);
  const scout = await client.create(Gadgets, gadget("scout", { ownerReferences: [refTo(owner)] }), signal);
  await client.delete(ConfigMaps, owner.metadata, signal);
  const { resourceVersion } = scout.metadata;
  const scope = { namespace: "default", resourceVersion: resourceVersion! };
  for await (const { type, object } of client.watch(Gadgets, scope, signal))
    if (type === "DELETED" && object.metadata.name === "scout") return;
  assert.fail("the watch of gadgets ended");
}

/** The kind's end may have taken it before its turn came. */
const isGone = (err: unknown): void => assert.ok(isNotFound(err), String(err));

/** Below it is a gadget that waits for somebody outside. */
const isHeldBack = (name: string): boolean => /^owner-\d*[02468]$/.test(name);

const configMaps = ({ informers }: Cluster): readonly string[] =>
  informers
    .lister(ConfigMaps)
    .list("default")
    .map(({ metadata }) => metadata.name)
    .filter((name) => name !== "kube-root-ca.crt");

test("owners and dependents of a kind that vanishes are collected, and of the kind that comes after it, too", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  await define(cluster);
  await newFamilies(cluster);
  await collectorKnowsGadgets(cluster);
  const foreground = { propagationPolicy: "Foreground" } as const;
  const half = Array.from({ length: OWNERS }).keys().toArray();
  // owners that wait for gadgets, gadgets that wait for ConfigMaps, and then the kind itself, while all this goes on
  await Promise.all([
    ...half.map((i) => client.delete(ConfigMaps, configMap(`owner-${i}`).metadata, signal, foreground)),
    ...half
      .slice(0, OWNERS / 2)
      .map((i) => client.delete(Gadgets, gadget(`above-${i}`).metadata, signal, foreground).catch(isGone)),
    client.delete(CustomResourceDefinitions, { name: DEFINITION }, signal),
  ]);
  await cluster.until("all is gone that waits for nobody outside", WATCHED, () => {
    const left = configMaps(cluster);
    return left.length === OWNERS / 2 && left.every(isHeldBack);
  });
  const lister = informers.lister(CustomResourceDefinitions);
  assert.ok(lister.get(DEFINITION)?.metadata.deletionTimestamp !== undefined, "it waits for its objects");

  const body = { metadata: { finalizers: null } };
  for (const { metadata } of (await client.list(Gadgets, { namespace: "default" }, signal)).items)
    if (metadata.finalizers?.includes(HOLD) === true)
      await client.patch(Gadgets, metadata, { type: "merge", body }, signal);
  await cluster.until("the kind and the rest are gone", WATCHED, () => {
    return lister.get(DEFINITION) === undefined && configMaps(cluster).length === 0;
  });

  await define(cluster);
  const owner = await client.create(Gadgets, gadget("again"), signal);
  const child = configMap("child", { ownerReferences: [refTo(owner)] });
  await client.create(ConfigMaps, child, signal);
  await client.delete(Gadgets, owner.metadata, signal);
  await cluster.until("the new kind's dependents go, too", WATCHED, () => configMaps(cluster).length === 0);
  assert.deepEqual(cluster.errors, []);
});
