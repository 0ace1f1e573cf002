/** Deployments that change: rolling update, Recreate, rollover, proportional scaling. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { expectPods } from "./workload-operations.ts";
import { deploymentOf, GATED, hasTrue, newReplicaSet, NEXT_CONTAINER, setReady } from "./workloads.ts";

const IMAGES = ["registry.example.com/main:1", "registry.example.com/main:2", "registry.example.com/main:3"];

function imageOf(set: ReplicaSet): string | undefined {
  return set.spec?.template?.spec?.containers[0]?.image;
}

function setImage(t: ConformanceContext, name: string, image: string): Promise<Deployment> {
  const body = { spec: { template: { spec: { containers: [{ name: "main", image }] } } } };
  return t.client.patch(Deployments, { namespace: t.namespace, name }, { type: "strategic", body }, t.signal);
}

async function complete(t: ConformanceContext, name: string, count: number): Promise<Deployment> {
  return t.waitFor(Deployments, { namespace: t.namespace, name }, (now) => {
    const { observedGeneration, updatedReplicas, availableReplicas, replicas } = now?.status ?? {};
    const isDone = updatedReplicas === count && availableReplicas === count && replicas === count;
    return isDone && observedGeneration === now?.metadata.generation;
  });
}

/** By image, the replicas that each ReplicaSet is to have. */
function sizes(sets: readonly ReplicaSet[]): Readonly<Record<string, number>> {
  return Object.fromEntries(sets.map((set) => [imageOf(set) ?? "", set.spec?.replicas ?? 1]));
}

conformance(
  "[sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones",
  async (t) => {
    const { client, signal, namespace } = t;
    // One that stands already and bears a revision: it is adopted and becomes the old one.
    const old = newReplicaSet(t, "web", 2);
    const revision = { "deployment.kubernetes.io/revision": "9007199254740993" };
    const first = await client.create(
      ReplicaSets,
      { ...old, metadata: { ...old.metadata, name: "before", annotations: revision } },
      signal,
    );
    await expectPods(t, "web", 2);
    const watch = t.watch(Pods, {
      namespace,
      resourceVersion: (await client.list(Pods, { namespace }, signal)).metadata.resourceVersion!,
    });
    const spec = {
      replicas: 2,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    } as const;
    const made = await client.create(
      Deployments,
      deploymentOf(t, "web", spec, { containers: [NEXT_CONTAINER] }),
      signal,
    );
    const done = await complete(t, "web", 2);
    assert.equal(done.metadata.annotations?.["deployment.kubernetes.io/revision"], "9007199254740994");
    const { items } = await client.list(ReplicaSets, { namespace }, signal);
    assert.deepEqual(sizes(items), { [IMAGES[0]!]: 0, [IMAGES[1]!]: 2 });
    for (const set of items) {
      assert.equal(set.metadata.ownerReferences?.[0]?.uid, made.metadata.uid);
      if (set.metadata.uid === first.metadata.uid) continue;
      const hash = set.metadata.labels?.["pod-template-hash"];
      assert.equal(set.metadata.name, `web-${hash}`);
      assert.equal(set.spec?.selector.matchLabels?.["pod-template-hash"], hash);
    }
    await expectPods(t, "web", 2);
    // The watch tells on a connection of its own.
    for (let gone = 0; gone < 2; gone++)
      await watch.until("an old pod's end", ({ type }) => type === "DELETED");
    const order = watch.events
      .filter(({ type }) => type === "ADDED" || type === "DELETED")
      .map(({ type }) => type);
    assert.deepEqual(order.toSorted(), ["ADDED", "ADDED", "DELETED", "DELETED"]);
    assert.equal(order[0], "ADDED", "none goes before another has come");
  },
);

conformance(
  "[sig-apps] Deployment RecreateDeployment should delete old pods and create new ones",
  async (t) => {
    const { client, signal, namespace } = t;
    const spec = { replicas: 3, strategy: { type: "Recreate" } } as const;
    await client.create(Deployments, deploymentOf(t, "web", spec), signal);
    await complete(t, "web", 3);
    const before = await client.list(Pods, { namespace }, signal);
    const watch = t.watch(Pods, { namespace, resourceVersion: before.metadata.resourceVersion! });
    await setImage(t, "web", IMAGES[1]!);
    await complete(t, "web", 3);
    // Deleted, or ended at least, are all of the old before the first of the new.
    const old = new Set(before.items.map(({ metadata }) => metadata.uid));
    // The watch tells on a connection of its own.
    for (let seen = 0; seen < 3; seen++)
      await watch.until("a new pod", ({ type, object }) => type === "ADDED" && !old.has(object.metadata.uid));
    for (const { type, object } of watch.events) {
      if (type === "ERROR" || type === "BOOKMARK") continue;
      const { uid } = object.metadata;
      if (type === "ADDED" && !old.has(uid)) assert.equal(old.size, 0, "old and new pods at one time");
      const isOver = object.status?.phase === "Succeeded" || object.status?.phase === "Failed";
      if (type === "DELETED" || isOver) old.delete(uid);
    }
    assert.equal(old.size, 0);
    const { items } = await client.list(Pods, { namespace }, signal);
    assert.deepEqual(
      items.map((pod) => pod.spec?.containers[0]?.image),
      [IMAGES[1], IMAGES[1], IMAGES[1]],
    );
  },
);

conformance("[sig-apps] Deployment deployment should support rollover", async (t) => {
  const { client, signal, namespace } = t;
  await client.create(ReplicaSets, newReplicaSet(t, "web", 1), signal);
  await expectPods(t, "web", 1);
  const rollingUpdate = { maxUnavailable: 0, maxSurge: 1 };
  const spec = {
    replicas: 1,
    minReadySeconds: 1,
    strategy: { type: "RollingUpdate", rollingUpdate },
  } as const;
  await client.create(
    Deployments,
    deploymentOf(t, "web", spec, { ...GATED, containers: [NEXT_CONTAINER] }),
    signal,
  );
  // Its pods never get ready: the rollout stands still, with the old pod in place.
  await t.untilList("the second one grows", ReplicaSets, (all) =>
    all.some((set) => imageOf(set) === IMAGES[1] && set.status?.replicas === 1),
  );
  assert.deepEqual(sizes((await client.list(ReplicaSets, { namespace }, signal)).items), {
    [IMAGES[0]!]: 1,
    [IMAGES[1]!]: 1,
  });
  const body = {
    spec: {
      template: { spec: { $retainKeys: ["containers"], containers: [{ name: "main", image: IMAGES[2] }] } },
    },
  };
  await client.patch(Deployments, { namespace, name: "web" }, { type: "strategic", body }, signal);
  const done = await complete(t, "web", 1);
  assert.ok(hasTrue(done.status?.conditions, "Available"));
  const { items } = await client.list(ReplicaSets, { namespace }, signal);
  assert.deepEqual(sizes(items), { [IMAGES[0]!]: 0, [IMAGES[1]!]: 0, [IMAGES[2]!]: 1 });
  const pods = await client.list(Pods, { namespace, labelSelector: "app=web" }, signal);
  const alive = pods.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  assert.deepEqual(
    alive.map((pod) => pod.spec?.containers[0]?.image),
    [IMAGES[2]],
  );
});

conformance("[sig-apps] Deployment deployment should support proportional scaling", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "web" };
  const rollingUpdate = { maxSurge: 3, maxUnavailable: 2 };
  const spec = { replicas: 10, strategy: { type: "RollingUpdate", rollingUpdate } } as const;
  await client.create(Deployments, deploymentOf(t, "web", spec, GATED), signal);
  const pods = await t.untilList("ten pods", Pods, (all) => all.length === 10 && all);
  await Promise.all(pods.map(({ metadata }) => setReady(t, metadata.name, true)));
  await complete(t, "web", 10);

  // The new pods never get ready: two of the old may go, and there may be thirteen.
  await setImage(t, "web", IMAGES[1]!);
  const expectSizes = async (old: number, next: number): Promise<void> => {
    await t.untilList(`${old} old and ${next} new`, ReplicaSets, (all) => {
      const now = sizes(all);
      const isSeen = all.every(({ metadata, status }) => status?.observedGeneration === metadata.generation);
      return isSeen && now[IMAGES[0]!] === old && now[IMAGES[1]!] === next;
    });
  };
  await expectSizes(8, 5);
  // From 13 to 33: 20 more, in the proportion of 8 to 5.
  const body = { spec: { replicas: 30 } };
  await client.patch(Deployments, ref, { type: "merge", body }, signal);
  await expectSizes(20, 13);
  await t.waitFor(
    Deployments,
    ref,
    (now) => now?.status?.replicas === 33 && now.status.availableReplicas === 8,
  );
});
