/** Deployments as objects: lifecycle, status, scale, and how many old ReplicaSets they keep. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { Pods } from "#api/core/v1/pod";
import { conformance, newDeployment } from "../harness/index.ts";
import { checkScale, checkStatus, expectPods } from "./workload-operations.ts";
import { deploymentOf, hasTrue, isControlledBy, NEXT_CONTAINER } from "./workloads.ts";

conformance("[sig-apps] Deployment Deployment should have a working scale subresource", async (t) => {
  await t.client.create(Deployments, newDeployment(t, "web", 1), t.signal);
  await checkScale(t, Deployments, { namespace: t.namespace, name: "web" });
});

conformance("[sig-apps] Deployment should validate Deployment Status endpoints", async (t) => {
  const made = await t.client.create(Deployments, newDeployment(t, "web", 1), t.signal);
  await t.waitFor(Deployments, made.metadata, (now) => hasTrue(now?.status?.conditions, "Available"));
  await checkStatus(t, Deployments, { namespace: t.namespace, name: "web" });
});

conformance("[sig-apps] Deployment deployment should delete old replica sets", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "web" };
  const made = await client.create(Deployments, deploymentOf(t, "web", { revisionHistoryLimit: 2 }), signal);
  const versions = async (): Promise<readonly (string | undefined)[]> => {
    const { items } = await client.list(ReplicaSets, { namespace }, signal);
    for (const { metadata } of items) assert.equal(metadata.ownerReferences?.[0]?.uid, made.metadata.uid);
    return items.map(({ spec }) => spec?.template?.metadata?.annotations?.["v"] ?? "0").toSorted();
  };
  const complete = (version: string): Promise<unknown> =>
    t.waitFor(Deployments, ref, (now) => {
      if (now?.spec?.template?.metadata?.annotations?.["v"] !== version) return false;
      const { observedGeneration, updatedReplicas, availableReplicas, replicas } = now.status ?? {};
      const isSeen = observedGeneration === now.metadata.generation;
      return isSeen && updatedReplicas === 1 && availableReplicas === 1 && replicas === 1;
    });
  for (const v of ["1", "2", "3", "4"]) {
    const body = { spec: { template: { metadata: { annotations: { v } } } } };
    await client.patch(Deployments, ref, { type: "strategic", body }, signal);
    await complete(v);
  }
  await t.untilList("the current one and two before it", ReplicaSets, (all) => all.length === 3);
  assert.deepEqual(await versions(), ["2", "3", "4"]);
  const body = { spec: { revisionHistoryLimit: 0 } };
  await client.patch(Deployments, ref, { type: "merge", body }, signal);
  await t.untilList("the current one alone", ReplicaSets, (all) => all.length === 1);
  assert.deepEqual(await versions(), ["4"]);
  await expectPods(t, "web", 1);
});

conformance("[sig-apps] Deployment should run the lifecycle of a Deployment", async (t) => {
  const { client, signal, namespace, unique } = t;
  const ref = { namespace, name: "web" };
  const labelSelector = `life=${unique}`;
  const { metadata, ...rest } = deploymentOf(t, "web", { replicas: 2 });
  const labels = { ...metadata.labels, life: unique };
  const made = await client.create(Deployments, { ...rest, metadata: { ...metadata, labels } }, signal);
  const watch = t.watch(Deployments, { namespace, resourceVersion: made.metadata.resourceVersion! });
  const expectAvailable = async (count: number, image: string): Promise<void> => {
    await watch.until(`${count} available replicas of ${image}`, ({ type, object }) => {
      if (type !== "MODIFIED") return false;
      const { status, spec, metadata: now } = object;
      const { availableReplicas, updatedReplicas, replicas, observedGeneration } = status ?? {};
      const isDone = availableReplicas === count && updatedReplicas === count && replicas === count;
      const isThis = spec?.template?.spec?.containers[0]?.image === image;
      return isThis && isDone && observedGeneration === now.generation;
    });
    await t.untilList("its pods", Pods, (all) => {
      const alive = all.filter((pod) => pod.metadata.deletionTimestamp === undefined);
      return alive.length === count && alive.every((pod) => pod.spec?.containers[0]?.image === image);
    });
  };
  await expectAvailable(2, "registry.example.com/main:1");

  const body = {
    metadata: { labels: { patched: "yes" } },
    spec: { replicas: 3, template: { spec: { containers: [NEXT_CONTAINER] } } },
  };
  const patched = await client.patch(Deployments, ref, { type: "strategic", body }, signal);
  assert.deepEqual(patched.metadata.labels, { ...labels, patched: "yes" });
  await expectAvailable(3, "registry.example.com/main:2");
  const found = await client.list(Deployments, { labelSelector }, signal);
  assert.equal(found.items.length, 1);

  const scale = { type: "merge", body: { spec: { replicas: 1 } } } as const;
  await client.patch(Deployments, ref, scale, signal, { subresource: "scale" });
  await expectAvailable(1, "registry.example.com/main:2");
  const zero = { type: "merge", body: { status: { readyReplicas: 0, availableReplicas: 0 } } } as const;
  const written = await client.patch(Deployments, ref, zero, signal, { subresource: "status" });
  assert.equal(written.status?.readyReplicas ?? 0, 0);
  await watch.until("the truth again", ({ type, object }) => {
    const isAfter = Number(object.metadata.resourceVersion) > Number(written.metadata.resourceVersion);
    return type === "MODIFIED" && isAfter && object.status?.readyReplicas === 1;
  });

  await client.deleteCollection(Deployments, { namespace, labelSelector }, signal);
  await watch.until("the deletion", ({ type }) => type === "DELETED");
  await t.untilList("its ReplicaSets go", ReplicaSets, (all) => all.length === 0);
  await t.untilList("its pods go", Pods, (all) => !all.some((pod) => isControlledBy(pod, made.metadata.uid)));
  await t.untilList("no pod is left", Pods, (all) => all.length === 0);
});
