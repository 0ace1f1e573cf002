/** StatefulSets whose template changes: one pod at a time, back again, and in phases. */
import assert from "node:assert/strict";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { isPodReady, newStatefulSet } from "./workloads.ts";

const BASIC = "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]";
const [FIRST, SECOND] = ["registry.example.com/main:1", "registry.example.com/main:2"] as const;
const REVISION = "controller-revision-hash";

function patchSpec(t: ConformanceContext, spec: object): Promise<StatefulSet> {
  const ref = { namespace: t.namespace, name: "db" };
  return t.client.patch(StatefulSets, ref, { type: "strategic", body: { spec } }, t.signal);
}

function setImage(t: ConformanceContext, image: string): Promise<StatefulSet> {
  return patchSpec(t, { template: { spec: { containers: [{ name: "main", image }] } } });
}

/** Resolves when the controller has seen the spec, and all three are ready with these images. */
async function untilImages(t: ConformanceContext, images: readonly string[]): Promise<readonly Pod[]> {
  const { generation } = (await t.client.get(StatefulSets, { namespace: t.namespace, name: "db" }, t.signal))
    .metadata;
  await t.waitFor(StatefulSets, { namespace: t.namespace, name: "db" }, (now) => {
    const { observedGeneration = 0, readyReplicas } = now?.status ?? {};
    return observedGeneration >= generation! && readyReplicas === 3;
  });
  return t.untilList(`images ${images.join()}`, Pods, (all) => {
    const pods = all.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const isWhole = pods.every((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined);
    const found = pods.map((pod) => pod.spec?.containers[0]?.image);
    return isWhole && found.join() === images.join() && pods;
  });
}

function phased(partition: number): object {
  return { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } } };
}

async function settled(t: ConformanceContext): Promise<StatefulSet> {
  return t.waitFor(StatefulSets, { namespace: t.namespace, name: "db" }, (now) => {
    const { currentRevision, updateRevision, updatedReplicas, currentReplicas, readyReplicas } =
      now?.status ?? {};
    const isOver = currentRevision === updateRevision && updatedReplicas === 3 && currentReplicas === 3;
    return isOver && readyReplicas === 3 && now?.status?.observedGeneration === now?.metadata.generation;
  });
}

conformance(`${BASIC} should perform rolling updates and roll backs of template modifications`, async (t) => {
  const { client, signal, namespace } = t;
  await client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 3 }), signal);
  const before = await settled(t);
  const original = before.status?.currentRevision;
  const change = async (image: string): Promise<StatefulSet> => {
    const { metadata } = await client.list(Pods, { namespace }, signal);
    const watch = t.watch(Pods, { namespace, resourceVersion: metadata.resourceVersion! });
    await setImage(t, image);
    await untilImages(t, [image, image, image]);
    await watch.until(
      "db-0 ready again",
      ({ type, object }) =>
        type === "MODIFIED" &&
        object.metadata.name === "db-0" &&
        object.spec?.containers[0]?.image === image &&
        isPodReady(object),
    );
    // One at a time, the last first: a pod has gone, come back and become ready before the next goes.
    const order: string[] = [];
    for (const { type, object } of watch.events) {
      if (type === "ERROR" || type === "BOOKMARK") continue;
      const isReady =
        type === "MODIFIED" && isPodReady(object) && object.spec?.containers[0]?.image === image;
      const word = type === "DELETED" ? "gone" : type === "ADDED" ? "made" : isReady ? "ready" : "";
      const entry = `${word} ${object.metadata.name}`;
      if (word !== "" && !order.includes(entry)) order.push(entry);
    }
    const expected = ["db-2", "db-1", "db-0"].flatMap((name) => [
      `gone ${name}`,
      `made ${name}`,
      `ready ${name}`,
    ]);
    assert.deepEqual(order, expected);
    return settled(t);
  };
  const updating = t.watch(StatefulSets, { namespace, resourceVersion: before.metadata.resourceVersion! });
  const updated = await change(SECOND);
  const next = updated.status?.updateRevision;
  assert.notEqual(next, original);
  assert.equal(updated.status?.currentRevision, next);
  await updating.until("both revisions in the status", ({ type, object }) => {
    return (
      type === "MODIFIED" &&
      object.status?.currentRevision === original &&
      object.status?.updateRevision === next
    );
  });
  for (const pod of await untilImages(t, [SECOND, SECOND, SECOND]))
    assert.equal(pod.metadata.labels?.[REVISION], next);

  const back = await change(FIRST);
  assert.equal(back.status?.updateRevision, original, "the old revision is found again");
  const { items } = await client.list(ControllerRevisions, { namespace }, signal);
  const numbers = items
    .toSorted((a, b) => a.revision - b.revision)
    .map(({ metadata, revision }) => [metadata.name, revision]);
  assert.deepEqual(numbers, [
    [next, 2],
    [original, 3],
  ]);
  for (const pod of await untilImages(t, [FIRST, FIRST, FIRST]))
    assert.equal(pod.metadata.labels?.[REVISION], original);
});

conformance(
  `${BASIC} should perform canary updates and phased rolling updates of template modifications`,
  async (t) => {
    const { client, signal, namespace } = t;
    await client.create(StatefulSets, newStatefulSet(t, "db", { replicas: 3, ...phased(3) }), signal);
    const original = (await settled(t)).status?.currentRevision;
    const uids = async (): Promise<readonly (string | undefined)[]> => {
      const { items } = await client.list(Pods, { namespace }, signal);
      return items.map(({ metadata }) => metadata.uid);
    };
    const before = await uids();
    await setImage(t, SECOND);
    await untilImages(t, [FIRST, FIRST, FIRST]);
    const waiting = await client.get(StatefulSets, { namespace, name: "db" }, signal);
    const next = waiting.status?.updateRevision;
    assert.notEqual(next, original);
    assert.equal(waiting.status?.currentRevision, original);
    assert.deepEqual(await uids(), before, "a partition beyond the last pod holds all back");

    await patchSpec(t, phased(2));
    const canary = await untilImages(t, [FIRST, FIRST, SECOND]);
    assert.deepEqual(
      canary.map(({ metadata }) => metadata.labels?.[REVISION]),
      [original, original, next],
    );
    for (const { metadata } of [canary[0]!, canary[2]!]) {
      await client.delete(Pods, metadata, signal);
      await t.waitFor(
        Pods,
        { namespace, name: metadata.name },
        (pod) => pod !== undefined && pod.metadata.uid !== metadata.uid,
      );
    }
    const restored = await untilImages(t, [FIRST, FIRST, SECOND]);
    assert.deepEqual(
      restored.map(({ metadata }) => metadata.labels?.[REVISION]),
      [original, original, next],
    );

    await patchSpec(t, phased(1));
    await untilImages(t, [FIRST, SECOND, SECOND]);
    const halfway = await t.waitFor(
      StatefulSets,
      { namespace, name: "db" },
      (now) => now?.status?.updatedReplicas === 2,
    );
    assert.deepEqual([halfway.status?.currentRevision, halfway.status?.currentReplicas], [original, 1]);
    await patchSpec(t, phased(0));
    await untilImages(t, [SECOND, SECOND, SECOND]);
    assert.equal((await settled(t)).status?.currentRevision, next);
  },
);
