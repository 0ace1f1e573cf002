/** ReplicaSets: pods that they make, adopt and release; scale, status, collections. */
import assert from "node:assert/strict";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { Pods } from "#api/core/v1/pod";
import { retryOnConflict } from "#client";
import { conformance, newPod } from "../harness/index.ts";
import { expectServed, servingPod } from "./serving.ts";
import { checkCollection, checkScale, checkStatus, expectPods } from "./workload-operations.ts";
import { isControlledBy, newReplicaSet, NEXT_CONTAINER } from "./workloads.ts";

conformance("[sig-apps] ReplicaSet Replace and Patch tests", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "web" };
  const made = await client.create(ReplicaSets, newReplicaSet(t, "web", 1), signal);
  const watch = t.watch(ReplicaSets, { namespace, resourceVersion: made.metadata.resourceVersion! });
  await expectPods(t, "web", 1);
  const replaced = await retryOnConflict(async () => {
    const now = await client.get(ReplicaSets, ref, signal);
    return client.update(ReplicaSets, { ...now, spec: { ...now.spec!, replicas: 2 } }, signal);
  }, signal);
  assert.equal(replaced.spec?.replicas, 2);
  await watch.until(
    "two ready replicas",
    ({ type, object }) => type === "MODIFIED" && object.status?.readyReplicas === 2,
  );
  await expectPods(t, "web", 2);

  const body = {
    metadata: { labels: { patched: "yes" } },
    spec: {
      replicas: 3,
      template: { spec: { terminationGracePeriodSeconds: 0, containers: [NEXT_CONTAINER] } },
    },
  };
  const patched = await client.patch(ReplicaSets, ref, { type: "strategic", body }, signal);
  assert.deepEqual(patched.metadata.labels, { app: "web", patched: "yes" });
  await watch.until("the third, as patched", ({ type, object }) => {
    if (type !== "MODIFIED") return false;
    const { metadata, spec, status } = object;
    const { terminationGracePeriodSeconds } = spec?.template?.spec ?? {};
    const isPatched = metadata.labels?.["patched"] === "yes" && terminationGracePeriodSeconds === 0;
    return isPatched && status?.readyReplicas === 3;
  });
  const { items } = await client.list(Pods, { namespace }, signal);
  const images = items.map(({ spec }) => spec?.containers[0]?.image ?? "").toSorted();
  assert.deepEqual(
    images,
    ["registry.example.com/main:1", "registry.example.com/main:1", "registry.example.com/main:2"],
    "pods that are there stay as they are",
  );
});

conformance("[sig-apps] ReplicaSet Replicaset should have a working scale subresource", async (t) => {
  await t.client.create(ReplicaSets, newReplicaSet(t, "web", 1), t.signal);
  await checkScale(t, ReplicaSets, { namespace: t.namespace, name: "web" });
});

conformance(
  "[sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods",
  async (t) => {
    const { client, signal, namespace } = t;
    const orphan = await client.create(Pods, newPod(t, "orphan", { labels: { app: "web" } }), signal);
    // The controllers hear of pods and of what owns them separately: the pod comes first when it runs.
    await t.waitFor(Pods, orphan.metadata, (pod) => pod?.status?.phase === "Running");
    const set = await client.create(ReplicaSets, newReplicaSet(t, "web", 1), signal);
    const { uid } = set.metadata;
    const adopted = await t.waitFor(
      Pods,
      orphan.metadata,
      (pod) => pod !== undefined && isControlledBy(pod, uid),
    );
    assert.equal(adopted.metadata.uid, orphan.metadata.uid);
    const [owner] = adopted.metadata.ownerReferences ?? [];
    const expected = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid };
    assert.deepEqual(owner, { ...expected, controller: true, blockOwnerDeletion: true });
    await t.waitFor(ReplicaSets, set.metadata, (now) => now?.status?.readyReplicas === 1);
    assert.equal((await client.list(Pods, { namespace }, signal)).items.length, 1, "none was made beside it");

    const body = { metadata: { labels: { app: "else" } } };
    await client.patch(Pods, orphan.metadata, { type: "merge", body }, signal);
    const released = await t.waitFor(
      Pods,
      orphan.metadata,
      (pod) => pod?.metadata.ownerReferences?.length !== 1,
    );
    assert.equal(released?.metadata.uid, orphan.metadata.uid);
    await expectPods(t, "web", 1);
    const { items } = await client.list(Pods, { namespace, labelSelector: "app=web" }, signal);
    assert.ok(isControlledBy(items[0]!, uid), "another has taken its place");
    await t.waitFor(Pods, orphan.metadata, (pod) => pod?.status?.phase === "Running");
  },
);

conformance("[sig-apps] ReplicaSet should list and delete a collection of ReplicaSets", (t) =>
  checkCollection(t, ReplicaSets, (name) => newReplicaSet(t, name, 2)),
);

conformance(
  "[sig-apps] ReplicaSet should serve a basic image on each replica with a public image",
  { containers: true },
  async (t) => {
    await t.client.create(ReplicaSets, newReplicaSet(t, "web", 2, servingPod()), t.signal);
    await expectServed(t, "web", 2);
  },
);

conformance("[sig-apps] ReplicaSet should validate Replicaset Status endpoints", async (t) => {
  const set = await t.client.create(ReplicaSets, newReplicaSet(t, "web", 1), t.signal);
  await t.waitFor(ReplicaSets, set.metadata, (now) => now?.status?.readyReplicas === 1);
  await checkStatus(t, ReplicaSets, { namespace: t.namespace, name: "web" });
});
