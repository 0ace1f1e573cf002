/** What becomes of an object's dependents when it is deleted: in the background, in the foreground, or orphaned. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { ReplicaSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { Pod, ReplicationController } from "#api/core/v1/types.gen";
import type { KubeObject, OwnerReference } from "#apimachinery";
import {
  conformance,
  newDeployment,
  newPod,
  newReplicationController,
  type ConformanceContext,
} from "../harness/index.ts";

const HELD = "conformance.example.com/held";

function ownersOf({ metadata }: KubeObject): readonly string[] {
  return (metadata.ownerReferences ?? []).map(({ name }) => name).toSorted();
}

function uidOf({ metadata }: KubeObject): string {
  return metadata.uid!;
}

function asOwner({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid! };
}

/** Resolves with the pods when the controller has made all of them. */
async function createController(
  t: ConformanceContext,
  name: string,
  replicas: number,
): Promise<readonly [ReplicationController, readonly Pod[]]> {
  const made = await t.client.create(
    ReplicationControllers,
    newReplicationController(t, name, replicas),
    t.signal,
  );
  const pods = await t.untilList(`${replicas} pods of ${name}`, Pods, (all) => {
    const ours = podsOf(all, name);
    return ours.length === replicas && ours;
  });
  return [made, pods];
}

function podsOf(pods: readonly Pod[], name: string): readonly Pod[] {
  return pods.filter(({ metadata }) => metadata.labels?.["app"] === name);
}

async function createDeployment(t: ConformanceContext): Promise<ReplicaSet> {
  await t.client.create(Deployments, newDeployment(t, "web", 2), t.signal);
  return t.untilList("the ReplicaSet", ReplicaSets, (all) =>
    all.find((set) => ownersOf(set).includes("web") && set.status?.replicas === 2),
  );
}

/** The collector has had its turn: what was deleted before this, it has seen. */
async function collectorHasWorked(t: ConformanceContext): Promise<void> {
  await createController(t, "sentinel", 1);
  await t.client.delete(ReplicationControllers, { namespace: t.namespace, name: "sentinel" }, t.signal, {
    propagationPolicy: "Background",
  });
  await t.untilList("the sentinel's pod is gone", Pods, (all) => podsOf(all, "sentinel").length === 0);
}

async function setFinalizers(
  t: ConformanceContext,
  name: string,
  finalizers: readonly string[],
): Promise<void> {
  const body = { metadata: { finalizers } };
  await t.client.patch(Pods, { namespace: t.namespace, name }, { type: "merge", body }, t.signal);
}

conformance(
  "[sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning",
  async (t) => {
    const ref = { namespace: t.namespace, name: "simple" };
    await createController(t, "simple", 5);
    await t.client.delete(ReplicationControllers, ref, t.signal, { propagationPolicy: "Background" });
    await t.waitGone(ReplicationControllers, ref);
    await t.untilList("no pod is left", Pods, (all) => all.length === 0);
  },
);

conformance(
  "[sig-api-machinery] Garbage collector should orphan pods created by rc if delete options say so",
  async (t) => {
    const ref = { namespace: t.namespace, name: "simple" };
    const [, pods] = await createController(t, "simple", 10);
    assert.deepEqual(new Set(pods.flatMap(ownersOf)), new Set(["simple"]));
    await t.client.delete(ReplicationControllers, ref, t.signal, { propagationPolicy: "Orphan" });
    await t.waitGone(ReplicationControllers, ref);
    await collectorHasWorked(t);
    const { items } = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
    assert.deepEqual(new Set(items.map(uidOf)), new Set(pods.map(uidOf)));
    for (const pod of items) {
      assert.deepEqual(ownersOf(pod), []);
      assert.equal(pod.metadata.deletionTimestamp, undefined);
    }
  },
);

conformance(
  "[sig-api-machinery] Garbage collector should delete RS created by deployment when not orphaning",
  async (t) => {
    await createDeployment(t);
    const ref = { namespace: t.namespace, name: "web" };
    await t.client.delete(Deployments, ref, t.signal, { propagationPolicy: "Background" });
    await t.waitGone(Deployments, ref);
    await t.untilList("no ReplicaSet is left", ReplicaSets, (all) => all.length === 0);
    await t.untilList("no pod is left", Pods, (all) => all.length === 0);
  },
);

conformance(
  "[sig-api-machinery] Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan",
  async (t) => {
    const set = await createDeployment(t);
    const ref = { namespace: t.namespace, name: "web" };
    await t.client.delete(Deployments, ref, t.signal, { propagationPolicy: "Orphan" });
    await t.waitGone(Deployments, ref);
    await collectorHasWorked(t);
    const { items } = await t.client.list(ReplicaSets, { namespace: t.namespace }, t.signal);
    assert.deepEqual(
      items.map(({ metadata }) => metadata.uid),
      [set.metadata.uid],
    );
    assert.deepEqual(ownersOf(items[0]!), []);
    const pods = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
    assert.equal(pods.items.length, 2);
    for (const pod of pods.items) assert.deepEqual(ownersOf(pod), [set.metadata.name]);
  },
);

conformance(
  "[sig-api-machinery] Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so",
  async (t) => {
    const ref = { namespace: t.namespace, name: "simple" };
    const [, pods] = await createController(t, "simple", 5);
    const held = pods[0]!.metadata.name;
    await setFinalizers(t, held, [HELD]);
    await t.client.delete(ReplicationControllers, ref, t.signal, { propagationPolicy: "Foreground" });
    await t.untilList("only the pod that is held is left, and on its way out", Pods, (all) => {
      const [first, ...others] = all;
      return (
        others.length === 0 && first?.metadata.name === held && first.metadata.deletionTimestamp !== undefined
      );
    });
    await collectorHasWorked(t);
    const owner = await t.client.get(ReplicationControllers, ref, t.signal);
    assert.notEqual(owner.metadata.deletionTimestamp, undefined);
    assert.deepEqual(owner.metadata.finalizers, ["foregroundDeletion"]);
    await setFinalizers(t, held, []);
    await t.waitGone(ReplicationControllers, ref);
    const left = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
    assert.equal(left.items.length, 0);
  },
);

conformance(
  "[sig-api-machinery] Garbage collector should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted",
  async (t) => {
    const [, pods] = await createController(t, "leaves", 6);
    const [stays] = await createController(t, "stays", 1);
    const shared = pods.slice(0, 3).map(({ metadata }) => metadata.name);
    for (const name of shared) {
      const pod = await t.client.get(Pods, { namespace: t.namespace, name }, t.signal);
      const ownerReferences = [...pod.metadata.ownerReferences!, asOwner(stays)];
      const body = { metadata: { ownerReferences } };
      await t.client.patch(Pods, pod.metadata, { type: "merge", body }, t.signal);
    }
    const ref = { namespace: t.namespace, name: "leaves" };
    await t.client.delete(ReplicationControllers, ref, t.signal, { propagationPolicy: "Foreground" });
    await t.waitGone(ReplicationControllers, ref);
    await collectorHasWorked(t);
    const { items } = await t.client.list(
      Pods,
      { namespace: t.namespace, labelSelector: "app=leaves" },
      t.signal,
    );
    assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), shared.toSorted());
    for (const pod of items) {
      assert.deepEqual(ownersOf(pod), ["stays"]);
      assert.equal(pod.metadata.deletionTimestamp, undefined);
    }
  },
);

conformance("[sig-api-machinery] Garbage collector should not be blocked by dependency circle", async (t) => {
  const pods: Pod[] = [];
  for (const name of ["one", "two", "three"])
    pods.push(await t.client.create(Pods, newPod(t, name), t.signal));
  for (const [i, pod] of pods.entries()) {
    const owner = { ...asOwner(pods[(i + 2) % 3]!), controller: true, blockOwnerDeletion: true };
    const body = { metadata: { ownerReferences: [owner] } };
    await t.client.patch(Pods, pod.metadata, { type: "merge", body }, t.signal);
  }
  await t.client.delete(Pods, pods[0]!.metadata, t.signal, { propagationPolicy: "Foreground" });
  await t.untilList("all three pods are gone", Pods, (all) => all.length === 0);
});
