/** ReplicationControllers: pods that they make, adopt and release; quota, scale, lifecycle. */
import assert from "node:assert/strict";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import { conformance, newPod, newReplicationController } from "../harness/index.ts";
import { expectServed, servingPod } from "./serving.ts";
import { expectPods } from "./workload-operations.ts";
import { isControlledBy, podTemplate } from "./workloads.ts";

conformance("[sig-apps] ReplicationController should adopt matching pods on creation", async (t) => {
  const { client, signal, namespace } = t;
  const orphan = await client.create(Pods, newPod(t, "orphan", { labels: { app: "rc" } }), signal);
  // The controllers hear of pods and of what owns them separately: the pod comes first when it runs.
  await t.waitFor(Pods, orphan.metadata, (pod) => pod?.status?.phase === "Running");
  const controller = await client.create(
    ReplicationControllers,
    newReplicationController(t, "rc", 1),
    signal,
  );
  const { uid } = controller.metadata;
  await t.waitFor(Pods, orphan.metadata, (pod) => pod !== undefined && isControlledBy(pod, uid));
  await t.waitFor(ReplicationControllers, controller.metadata, (now) => now?.status?.readyReplicas === 1);
  const { items } = await client.list(Pods, { namespace }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.uid),
    [orphan.metadata.uid],
  );
});

conformance(
  "[sig-apps] ReplicationController should get and update a ReplicationController scale",
  async (t) => {
    const { client, signal, namespace } = t;
    const ref = { namespace, name: "rc" };
    await client.create(ReplicationControllers, newReplicationController(t, "rc", 1), signal);
    await t.waitFor(ReplicationControllers, ref, (now) => now?.status?.replicas === 1);
    const scale = (await client.getSubresource(ReplicationControllers, ref, "scale", signal)) as Scale;
    assert.deepEqual([scale.apiVersion, scale.kind], ["autoscaling/v1", "Scale"]);
    assert.deepEqual(scale.spec, { replicas: 1 });
    assert.deepEqual(scale.status, { replicas: 1, selector: "app=rc" });
    const { resourceVersion: _, ...metadata } = scale.metadata;
    const body = { ...scale, metadata, spec: { replicas: 2 } };
    const updated = (await client.updateSubresource(
      ReplicationControllers,
      ref,
      "scale",
      body,
      signal,
    )) as Scale;
    assert.equal(updated.spec?.replicas, 2);
    await t.waitFor(
      ReplicationControllers,
      ref,
      (now) => now?.spec?.replicas === 2 && now.status?.replicas === 2,
    );
    await expectPods(t, "rc", 2);
  },
);

conformance("[sig-apps] ReplicationController should release no longer matching pods", async (t) => {
  const { client, signal } = t;
  const controller = await client.create(
    ReplicationControllers,
    newReplicationController(t, "rc", 1),
    signal,
  );
  const { uid } = controller.metadata;
  const pod = await t.untilList("its pod", Pods, ([one]) => one);
  assert.ok(isControlledBy(pod, uid));
  const body = { metadata: { labels: { app: "else" } } };
  await client.patch(Pods, pod.metadata, { type: "merge", body }, signal);
  await t.waitFor(Pods, pod.metadata, (now) => now !== undefined && !isControlledBy(now, uid));
  const next = await t.untilList("another in its place", Pods, (all) =>
    all.find(({ metadata }) => metadata.labels?.["app"] === "rc"),
  );
  assert.ok(isControlledBy(next, uid));
});

conformance(
  "[sig-apps] ReplicationController should serve a basic image on each replica with a public image",
  { containers: true },
  async (t) => {
    const { spec, ...controller } = newReplicationController(t, "rc", 2);
    const template = podTemplate({ app: "rc" }, servingPod());
    await t.client.create(ReplicationControllers, { ...controller, spec: { ...spec!, template } }, t.signal);
    await expectServed(t, "rc", 2);
  },
);

conformance(
  "[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota",
  async (t) => {
    const { client, signal, namespace } = t;
    const metadata = { name: "two", namespace };
    const quota = {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata,
      spec: { hard: { pods: "2" } },
    } as const;
    await client.create(ResourceQuotas, quota, signal);
    await t.waitFor(ResourceQuotas, metadata, (now) => now?.status?.hard?.["pods"] === "2");
    const ref = { namespace, name: "rc" };
    await client.create(ReplicationControllers, newReplicationController(t, "rc", 3), signal);
    const failing = await t.waitFor(ReplicationControllers, ref, (now) =>
      (now?.status?.conditions ?? []).some(({ type }) => type === "ReplicaFailure"),
    );
    const condition = failing.status?.conditions?.[0];
    assert.deepEqual([condition?.status, condition?.reason], ["True", "FailedCreate"]);
    assert.match(
      condition?.message ?? "",
      /exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2/,
    );
    await expectPods(t, "rc", 2);
    const patch = { type: "merge", body: { spec: { replicas: 2 } } } as const;
    await client.patch(ReplicationControllers, ref, patch, signal);
    await t.waitFor(ReplicationControllers, ref, (now) => now?.status?.conditions === undefined);
    await expectPods(t, "rc", 2);
  },
);

conformance(
  "[sig-apps] ReplicationController should test the lifecycle of a ReplicationController",
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const ref = { namespace, name: "rc" };
    const labels = { life: unique };
    const { metadata, ...rest } = newReplicationController(t, "rc", 1);
    const made = await client.create(
      ReplicationControllers,
      { ...rest, metadata: { ...metadata, labels } },
      signal,
    );
    const watch = t.watch(ReplicationControllers, {
      namespace,
      resourceVersion: made.metadata.resourceVersion!,
    });
    await watch.until(
      "a ready replica",
      ({ type, object }) => type === "MODIFIED" && object.status?.readyReplicas === 1,
    );

    const byLabel = { type: "strategic", body: { metadata: { labels: { patched: "yes" } } } } as const;
    const patched = await client.patch(ReplicationControllers, ref, byLabel, signal);
    assert.deepEqual(patched.metadata.labels, { ...labels, patched: "yes" });
    await watch.until("the new label", ({ object }) => object.metadata.labels?.["patched"] === "yes");

    const status = { type: "merge", body: { status: { readyReplicas: 0, availableReplicas: 0 } } } as const;
    const written = await client.patch(ReplicationControllers, ref, status, signal, {
      subresource: "status",
    });
    assert.equal(written.status?.readyReplicas ?? 0, 0);
    await watch.until(
      "no ready replica",
      ({ type, object }) => type === "MODIFIED" && (object.status?.readyReplicas ?? 0) === 0,
    );
    await watch.until(
      "the truth again",
      ({ type, object }) => type === "MODIFIED" && object.status?.readyReplicas === 1,
    );
    assert.equal(
      ((await client.getSubresource(ReplicationControllers, ref, "status", signal)) as typeof made).kind,
      "ReplicationController",
    );

    const two = { type: "merge", body: { spec: { replicas: 2 } } } as const;
    await client.patch(ReplicationControllers, ref, two, signal, { subresource: "scale" });
    await watch.until(
      "two ready replicas",
      ({ type, object }) => type === "MODIFIED" && object.status?.readyReplicas === 2,
    );

    const found = await client.list(ReplicationControllers, { labelSelector: `life=${unique}` }, signal);
    assert.equal(found.items.length, 1);
    const annotations = { updated: "yes" };
    const [one] = found.items;
    const updated = await client.update(
      ReplicationControllers,
      { ...one!, metadata: { ...one!.metadata, annotations } },
      signal,
    );
    assert.deepEqual(updated.metadata.annotations, annotations);
    await client.deleteCollection(
      ReplicationControllers,
      { namespace, labelSelector: `life=${unique}` },
      signal,
    );
    await watch.until("the deletion", ({ type }) => type === "DELETED");
    await t.untilList("its pods are gone too", Pods, (all) => all.length === 0);
  },
);
