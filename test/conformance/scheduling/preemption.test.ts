/** Who has to make way for whom when a node is full. */
import assert from "node:assert/strict";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ConformanceContext, type SimulatedContext } from "../harness/index.ts";
import { newPriority, startOwnNode, untilRefused, untilRunning, type OwnNode } from "./own-node.ts";

const PREEMPTION = "[sig-scheduling] SchedulerPreemption [Serial]";

interface Full {
  readonly node: OwnNode;
  readonly low: Pod;
  readonly medium: Pod;
}

/** A node of four CPUs: two are held by a pod of low priority, two by one of medium priority. */
async function fillNode(t: SimulatedContext): Promise<Full> {
  const node = await startOwnNode(t, 4);
  const create = async (name: string, value: number): Promise<Pod> => {
    const priorityClassName = await newPriority(t, value);
    const pod = await t.client.create(Pods, node.newPod(name, 2, { priorityClassName }), t.signal);
    assert.equal(pod.spec?.priority, value);
    return untilRunning(t, pod);
  };
  return { node, low: await create("low", 1), medium: await create("medium", 100) };
}

async function expectPreempted(t: ConformanceContext, { low, medium }: Full, pod: Pod): Promise<void> {
  await t.waitGone(Pods, low.metadata);
  const running = await untilRunning(t, pod);
  assert.equal(running.spec?.nodeName, low.spec?.nodeName);
  const spared = await t.client.get(Pods, medium.metadata, t.signal);
  assert.deepEqual(
    [spared.metadata.uid, spared.metadata.deletionTimestamp],
    [medium.metadata.uid, undefined],
  );
}

conformance(`${PREEMPTION} validates basic preemption works`, async (t) => {
  const full = await fillNode(t);
  const lowest = await t.client.create(Pods, full.node.newPod("lowest", 2), t.signal);
  assert.match(await untilRefused(t, lowest), /No preemption victims found for incoming pod/);
  const priorityClassName = await newPriority(t, 1000);
  const pod = await t.client.create(Pods, full.node.newPod("high", 2, { priorityClassName }), t.signal);
  await expectPreempted(t, full, pod);
});

conformance(`${PREEMPTION} validates lower priority pod preemption by critical pod`, async (t) => {
  const full = await fillNode(t);
  const priorityClassName = "system-cluster-critical";
  const pod = await t.client.create(Pods, full.node.newPod("critical", 2, { priorityClassName }), t.signal);
  assert.equal(pod.spec?.priority, 2_000_000_000);
  await expectPreempted(t, full, pod);
});

conformance(
  "[sig-scheduling] SchedulerPreemption validates pod disruption condition is added to the preempted pod",
  async (t) => {
    const { client, signal } = t;
    const node = await startOwnNode(t, 4);
    const [low, high] = [await newPriority(t, 1), await newPriority(t, 1000)];
    // The finalizer keeps it to be looked at.
    const finalizer = "example.com/keep";
    const { metadata, ...victim } = node.newPod("victim", 3, { priorityClassName: low });
    const made = await client.create(
      Pods,
      { ...victim, metadata: { ...metadata, finalizers: [finalizer] } },
      signal,
    );
    t.cleanup((undoing) => {
      const body = [{ op: "remove", path: "/metadata/finalizers" }];
      return client.patch(Pods, made.metadata, { type: "json", body }, undoing);
    });
    await untilRunning(t, made);
    const pod = await client.create(Pods, node.newPod("high", 3, { priorityClassName: high }), signal);
    const doomed = await t.waitFor(
      Pods,
      made.metadata,
      (now) => now?.metadata.deletionTimestamp !== undefined,
    );
    const condition = doomed.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
    assert.deepEqual([condition?.status, condition?.reason], ["True", "PreemptionByScheduler"]);
    await untilRunning(t, pod);
  },
);

conformance(
  `${PREEMPTION} PreemptionExecutionPath runs ReplicaSets to verify preemption running path`,
  async (t) => {
    const { client, signal, namespace } = t;
    const node = await startOwnNode(t, 10);
    const create = async (name: string, replicas: number, cpus: number, value: number): Promise<void> => {
      const { spec } = node.newPod(name, cpus, { priorityClassName: await newPriority(t, value) });
      const labels = { app: name };
      const template = { metadata: { labels }, spec: spec! };
      const set = { replicas, selector: { matchLabels: labels }, template };
      const metadata = { name, namespace };
      await client.create(
        ReplicaSets,
        { apiVersion: "apps/v1", kind: "ReplicaSet", metadata, spec: set },
        signal,
      );
    };
    const untilReady = (name: string, count: number): Promise<unknown> =>
      t.waitFor(ReplicaSets, { namespace, name }, (now) => (now?.status?.readyReplicas ?? 0) === count);
    await create("first", 3, 2, 1);
    await untilReady("first", 3);
    await create("second", 2, 2, 2);
    await untilReady("second", 2);
    // Five more of six: the three of the least priority go, and their successors find no room.
    await create("third", 1, 6, 3);
    await untilReady("third", 1);
    await untilReady("first", 0);
    await untilReady("second", 2);
    // All of the second and the one of the third would not do for a pod of lower priority than theirs.
    const weak = await client.create(Pods, node.newPod("weak", 4), signal);
    await untilRefused(t, weak);
    await create("fourth", 1, 4, 4);
    await untilReady("fourth", 1);
    await untilReady("second", 0);
    await untilReady("third", 1);
    const pods = await client.list(Pods, { namespace }, signal);
    const placed = pods.items.filter(
      (pod) => pod.spec?.nodeName === node.name && pod.metadata.deletionTimestamp === undefined,
    );
    assert.deepEqual(
      placed.map(({ metadata }) => metadata.labels?.["app"]).toSorted((a, b) => (a! < b! ? -1 : 1)),
      ["fourth", "third"],
    );
  },
);
