/** What all workload kinds have in common: `status`, `scale`, and collections that are listed and deleted by label. @module */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import type { Kind, KubeObject } from "#apimachinery";
import { retryOnConflict, type ObjectRef } from "#client";
import type { ConformanceContext } from "../harness/index.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

export interface Workload extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface Scaled extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number };
}

/** Conditions that somebody else than its controller writes are seen by reads and watches. */
export async function checkStatus<T extends Workload>(
  t: ConformanceContext,
  kind: Kind<T>,
  ref: ObjectRef,
): Promise<void> {
  const { client, signal, namespace } = t;
  const first = (await client.getSubresource(kind, ref, "status", signal)) as T;
  assert.equal(first.metadata.name, ref.name);
  assert.ok(first.status, "the controller has written a status");
  const watch = t.watch(kind, { namespace, resourceVersion: first.metadata.resourceVersion! });
  const expectSeen = async (type: string): Promise<void> => {
    await watch.until(`the condition ${type}`, (event) => {
      const { conditions = [] } = event.type === "MODIFIED" ? (event.object.status ?? {}) : {};
      return conditions.some((one) => one.type === type && one.reason === "Test");
    });
  };
  const updated = await retryOnConflict(async () => {
    const now = (await client.getSubresource(kind, ref, "status", signal)) as T;
    const conditions = [...(now.status?.conditions ?? []), conditionOf("StatusUpdate")];
    return client.updateStatus(kind, { ...now, status: { ...now.status, conditions } }, signal);
  }, signal);
  assert.equal(updated.status?.conditions?.at(-1)?.type, "StatusUpdate");
  await expectSeen("StatusUpdate");
  const body = { status: { conditions: [conditionOf("StatusPatched")] } };
  const patched = await client.patch(kind, ref, { type: "merge", body }, signal, { subresource: "status" });
  assert.deepEqual(
    patched.status?.conditions?.map(({ type }) => type),
    ["StatusPatched"],
  );
  assert.equal(patched.metadata.generation, first.metadata.generation);
  await expectSeen("StatusPatched");
}

function conditionOf(type: string): Condition & { readonly message: string } {
  return { type, status: "True", reason: "Test", message: "Written by a test" };
}

/** From one replica, that runs, to two by PUT and to four by PATCH. */
export async function checkScale<T extends Scaled>(
  t: ConformanceContext,
  kind: Kind<T>,
  ref: ObjectRef,
  patchTo = 4,
): Promise<void> {
  const { client, signal } = t;
  await t.waitFor(kind, ref, (object) => object?.status?.replicas === 1);
  const scale = (await client.getSubresource(kind, ref, "scale", signal)) as Scale;
  assert.equal(scale.apiVersion, "autoscaling/v1");
  assert.equal(scale.kind, "Scale");
  assert.equal(scale.spec?.replicas, 1);
  assert.deepEqual(scale.status, { replicas: 1, selector: `app=${ref.name}` });

  const wanted = { ...scale, metadata: unversioned(scale.metadata), spec: { replicas: 2 } };
  const updated = (await client.updateSubresource(kind, ref, "scale", wanted, signal)) as Scale;
  assert.equal(updated.spec?.replicas, 2);
  assert.equal((await client.get(kind, ref, signal)).spec?.replicas, 2);
  await t.waitFor(kind, ref, (object) => object?.status?.replicas === 2);
  await expectPods(t, ref.name, 2);

  const patch = { type: "merge", body: { spec: { replicas: patchTo } } } as const;
  const patched = await client.patch(kind, ref, patch, signal, { subresource: "scale" });
  assert.equal(patched.kind, "Scale");
  assert.equal(patched.spec?.replicas, patchTo);
  await t.waitFor(kind, ref, (object) => object?.status?.replicas === patchTo);
  await expectPods(t, ref.name, patchTo);
  const last = (await client.getSubresource(kind, ref, "scale", signal)) as Scale;
  assert.deepEqual([last.spec?.replicas, last.status?.replicas], [patchTo, patchTo]);
}

function unversioned({ resourceVersion: _version, ...metadata }: Scale["metadata"]): Scale["metadata"] {
  return metadata;
}

/** Resolves when exactly so many pods with `app=<name>` run, and none is on its way out. */
export async function expectPods(t: ConformanceContext, name: string, count: number): Promise<void> {
  await t.untilList(`${count} running pods of ${name}`, Pods, (all) => {
    const ours = all.filter(({ metadata }) => metadata.labels?.["app"] === name);
    return (
      ours.length === count &&
      ours.every((pod) => pod.status?.phase === "Running" && pod.metadata.deletionTimestamp === undefined)
    );
  });
}

/** Three objects, two of them in a collection that goes; their pods go with them. */
export async function checkCollection<T extends KubeObject>(
  t: ConformanceContext,
  kind: Kind<T>,
  make: (name: string) => T,
): Promise<void> {
  const { client, signal, namespace, unique } = t;
  const collection = `collection=${unique}`;
  const create = (name: string, of: string): Promise<T> => {
    const object = make(name);
    const labels = { ...object.metadata.labels, collection: of };
    return client.create(kind, { ...object, metadata: { ...object.metadata, labels } }, signal);
  };
  await create("one", unique);
  await create("two", unique);
  await create("other", `not-${unique}`);
  const names = async (options: object): Promise<readonly string[]> =>
    (await client.list(kind, options, signal)).items.map(({ metadata }) => metadata.name).toSorted();
  assert.deepEqual(await names({ labelSelector: collection }), ["one", "two"]);
  assert.deepEqual(await names({ namespace }), ["one", "other", "two"]);
  await client.deleteCollection(kind, { namespace, labelSelector: collection }, signal);
  await t.waitGone(kind, { namespace, name: "one" });
  await t.waitGone(kind, { namespace, name: "two" });
  assert.deepEqual(await names({ labelSelector: collection }), []);
  assert.deepEqual(await names({ namespace }), ["other"]);
  await t.untilList("only pods of the other are left", Pods, (all) =>
    all.every(({ metadata }) => metadata.labels?.["app"] === "other"),
  );
}
