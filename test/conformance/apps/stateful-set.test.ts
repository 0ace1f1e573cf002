/** StatefulSets as objects, their scale, and the order in which their pods come and go. */
import assert from "node:assert/strict";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import {
  conformance,
  CONTAINER,
  newPod,
  type ConformanceContext,
  type WatchRecorder,
} from "../harness/index.ts";
import { checkCollection, checkScale, checkStatus } from "./workload-operations.ts";
import { GATED, isPodReady, newStatefulSet, NEXT_CONTAINER, setReady } from "./workloads.ts";

const BASIC = "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]";

/** Resolves when the controller has acted on the new size: what it does not do then, it does not want to do. */
async function scale(t: ConformanceContext, replicas: number): Promise<void> {
  const ref = { namespace: t.namespace, name: "db" };
  const body = { spec: { replicas } };
  const { metadata } = await t.client.patch(StatefulSets, ref, { type: "merge", body }, t.signal);
  await t.waitFor(StatefulSets, ref, (now) => now?.status?.observedGeneration === metadata.generation);
}

async function names(t: ConformanceContext): Promise<readonly string[]> {
  const { items } = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
  return items.map(({ metadata }) => metadata.name).toSorted();
}

async function podsOf(t: ConformanceContext, count: number): Promise<readonly Pod[]> {
  return t.untilList(`${count} pods`, Pods, (all) => {
    const isWhole = all.every(
      (pod) => pod.status?.phase === "Running" && pod.metadata.deletionTimestamp === undefined,
    );
    return all.length === count && isWhole && all;
  });
}

/** What a watch has told, in words: `made db-0`, `ready db-0`, `unready db-0`, `doomed db-0`, `gone db-0`. */
function storyOf({ events }: WatchRecorder<Pod>): readonly string[] {
  const story: string[] = [];
  const states = new Map<string, string>();
  const say = (name: string, state: string): void => {
    if (states.get(name) !== state) story.push(`${state} ${name}`);
    states.set(name, state);
  };
  for (const { type, object } of events) {
    if (type === "ERROR" || type === "BOOKMARK") continue;
    const { name, deletionTimestamp } = object.metadata;
    if (type === "ADDED") say(name, "made");
    else if (type === "DELETED") say(name, "gone");
    else if (deletionTimestamp !== undefined) say(name, "doomed");
    else if (isPodReady(object)) say(name, "ready");
    else if (states.get(name) === "ready") say(name, "unready");
  }
  return story;
}

conformance(`${BASIC} Burst scaling should run to completion even with unhealthy pods [Slow]`, async (t) => {
  const spec = { replicas: 3, podManagementPolicy: "Parallel" } as const;
  await t.client.create(StatefulSets, newStatefulSet(t, "db", spec, GATED), t.signal);
  const first = await podsOf(t, 3);
  assert.ok(!first.some(isPodReady), "all are there before one of them is ready");
  assert.deepEqual(await names(t), ["db-0", "db-1", "db-2"]);
  for (const name of await names(t)) await setReady(t, name, true);
  await setReady(t, "db-0", false);
  await scale(t, 5);
  await podsOf(t, 5);
  assert.deepEqual(await names(t), ["db-0", "db-1", "db-2", "db-3", "db-4"]);
  await setReady(t, "db-3", true);
  await scale(t, 3);
  await podsOf(t, 3);
  assert.deepEqual(await names(t), ["db-0", "db-1", "db-2"]);
  await scale(t, 0);
  await podsOf(t, 0);
  await t.waitFor(StatefulSets, { namespace: t.namespace, name: "db" }, (now) => now?.status?.replicas === 0);
});

conformance(
  `${BASIC} Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow]`,
  async (t) => {
    const { client, signal, namespace } = t;
    const made = await client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 3 }, GATED), signal);
    const watch = t.watch(Pods, { namespace, resourceVersion: made.metadata.resourceVersion! });
    for (const [index, name] of ["db-0", "db-1", "db-2"].entries()) {
      await podsOf(t, index + 1);
      await setReady(t, name, true);
    }
    await t.waitFor(StatefulSets, made.metadata, (now) => now?.status?.readyReplicas === 3);
    await setReady(t, "db-1", false);
    await t.waitFor(StatefulSets, made.metadata, (now) => now?.status?.readyReplicas === 2);
    await scale(t, 4);
    assert.deepEqual(await names(t), ["db-0", "db-1", "db-2"], "it waits for db-1");
    await setReady(t, "db-1", true);
    await podsOf(t, 4);
    await setReady(t, "db-3", true);
    await setReady(t, "db-0", false);
    await t.waitFor(StatefulSets, made.metadata, (now) => now?.status?.readyReplicas === 3);
    await scale(t, 1);
    assert.deepEqual(await names(t), ["db-0", "db-1", "db-2", "db-3"], "it waits for db-0");
    await setReady(t, "db-0", true);
    await podsOf(t, 1);
    await scale(t, 0);
    await watch.until(
      "the last deletion",
      ({ type, object }) => type === "DELETED" && object.metadata.name === "db-0",
    );
    const up = ["made db-0", "ready db-0", "made db-1", "ready db-1", "made db-2", "ready db-2"];
    const halted = ["unready db-1", "ready db-1", "made db-3", "ready db-3", "unready db-0", "ready db-0"];
    const down = ["3", "2", "1", "0"].flatMap((index) => [`doomed db-${index}`, `gone db-${index}`]);
    assert.deepEqual(storyOf(watch), [...up, ...halted, ...down]);
  },
);

conformance(`${BASIC} Should recreate evicted statefulset`, async (t) => {
  const { client, signal, namespace } = t;
  // The kubelet turns away who wants a port of the node that is taken already.
  const nodeName = "node-1";
  const claim: PodSpec = {
    nodeName,
    containers: [{ ...CONTAINER, ports: [{ containerPort: 80, hostPort: 21_017 }] }],
  };
  const holder = await client.create(Pods, { ...newPod(t, "holder"), spec: claim }, signal);
  await t.waitFor(Pods, holder.metadata, (pod) => pod?.status?.phase === "Running");
  const made = await client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 1 }, claim), signal);
  const watch = t.watch(Pods, { namespace, resourceVersion: made.metadata.resourceVersion! });
  const failed = await watch.until(
    "a pod that was turned away",
    ({ type, object }) =>
      type === "MODIFIED" && object.metadata.name === "db-0" && object.status?.phase === "Failed",
  );
  const { uid } = (failed.object as Pod).metadata;
  await watch.until("its deletion", ({ type, object }) => type === "DELETED" && object.metadata.uid === uid);
  await watch.until("another", ({ type, object }) => type === "ADDED" && object.metadata.name === "db-0");
  await client.delete(Pods, holder.metadata, signal, { gracePeriodSeconds: 0 });
  const running = await t.waitFor(
    Pods,
    { namespace, name: "db-0" },
    (pod) => pod?.status?.phase === "Running",
  );
  assert.notEqual(running.metadata.uid, uid);
  await t.waitFor(StatefulSets, made.metadata, (now) => now?.status?.readyReplicas === 1);
});

conformance(`${BASIC} should have a working scale subresource`, async (t) => {
  await t.client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 1 }), t.signal);
  await checkScale(t, StatefulSets, { namespace: t.namespace, name: "db" });
});

conformance(`${BASIC} should list, patch and delete a collection of StatefulSets`, async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "patched" };
  await client.create(StatefulSets, newStatefulSet(t, "patched", { replicas: 1 }), signal);
  const body = {
    metadata: { labels: { patched: "yes" } },
    spec: { replicas: 2, template: { spec: { containers: [NEXT_CONTAINER] } } },
  };
  const patched = await client.patch(StatefulSets, ref, { type: "strategic", body }, signal);
  assert.deepEqual(patched.metadata.labels, { app: "patched", patched: "yes" });
  assert.deepEqual(
    [patched.spec?.replicas, patched.spec?.template.spec?.containers[0]?.image],
    [2, NEXT_CONTAINER.image],
  );
  await t.waitFor(StatefulSets, ref, (now) => {
    const { observedGeneration, readyReplicas, updatedReplicas } = now?.status ?? {};
    const isSeen = observedGeneration === now?.metadata.generation;
    return isSeen && readyReplicas === 2 && updatedReplicas === 2;
  });
  await client.deleteCollection(StatefulSets, { namespace, labelSelector: "patched=yes" }, signal);
  await t.waitGone(StatefulSets, ref);
  await t.untilList("its pods are gone", Pods, (all) => all.length === 0);
  await checkCollection(t, StatefulSets, (name) => newStatefulSet(t, name, { replicas: 1 }));
});

conformance(`${BASIC} should validate Statefulset Status endpoints`, async (t) => {
  const made = await t.client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 1 }), t.signal);
  await t.waitFor(StatefulSets, made.metadata, (now) => now?.status?.readyReplicas === 1);
  await checkStatus(t, StatefulSets, { namespace: t.namespace, name: "db" });
});
