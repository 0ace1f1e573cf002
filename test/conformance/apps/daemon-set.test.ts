/** DaemonSets: a pod on each node that is theirs, whatever becomes of pods, nodes and template. */
import assert from "node:assert/strict";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { DaemonSets } from "#api/apps/v1/daemonset";
import type { DaemonSet } from "#api/apps/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { WatchEvent } from "#apimachinery";
import { conformance, CONTAINER, type ConformanceContext } from "../harness/index.ts";
import { checkCollection, checkStatus } from "./workload-operations.ts";
import { GATED, isControlledBy, isPodReady, newDaemonSet, NEXT_CONTAINER } from "./workloads.ts";

const NAME = "agent";
const REVISION = "controller-revision-hash";

function refOf(t: ConformanceContext): { readonly namespace: string; readonly name: string } {
  return { namespace: t.namespace, name: NAME };
}

async function nodeNames(t: ConformanceContext): Promise<readonly string[]> {
  const { items } = await t.client.list(Nodes, {}, t.signal);
  return items.map(({ metadata }) => metadata.name).toSorted();
}

/** Resolves with the daemon's pods when there is one that is ready on each of these nodes, and none besides. */
async function untilOn(
  t: ConformanceContext,
  nodes: readonly string[],
  fits: (pod: Pod) => boolean = () => true,
): Promise<readonly Pod[]> {
  return t.untilList(`a ready pod on ${nodes.join() || "no node"}`, Pods, (all) => {
    const places = all.map(({ spec }) => spec?.nodeName ?? "").toSorted();
    const isWhole = all.every(
      (pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined && fits(pod),
    );
    return isWhole && places.join() === nodes.join() && all;
  });
}

async function untilReady(t: ConformanceContext, count: number): Promise<DaemonSet> {
  return t.waitFor(DaemonSets, refOf(t), (now) => {
    const { desiredNumberScheduled, numberReady, observedGeneration } = now?.status ?? {};
    const isSeen = observedGeneration === now?.metadata.generation;
    return isSeen && desiredNumberScheduled === count && numberReady === count;
  });
}

/** Whether, by this event, each of these pods has been told of as ready. */
function isLastOf(pods: readonly Pod[]): (event: WatchEvent<Pod>) => boolean {
  const left = new Set(pods.map(({ metadata }) => metadata.uid));
  return ({ type, object }) => {
    if (type === "MODIFIED" && isPodReady(object)) left.delete(object.metadata.uid);
    return left.size === 0;
  };
}

function hashesOf(pods: readonly Pod[]): readonly unknown[] {
  return [...new Set(pods.map((pod) => pod.metadata.labels?.[REVISION]))];
}

conformance("[sig-apps] Daemon set [Serial] should run and stop simple daemon", async (t) => {
  const { client, signal } = t;
  const set = await client.create(DaemonSets, newDaemonSet(t, NAME), signal);
  const nodes = await nodeNames(t);
  const pods = await untilOn(t, nodes);
  for (const pod of pods) assert.ok(isControlledBy(pod, set.metadata.uid));
  const status = (await untilReady(t, nodes.length)).status;
  assert.deepEqual([status?.currentNumberScheduled, status?.numberMisscheduled], [nodes.length, 0]);
  const [lost] = pods;
  await client.delete(Pods, lost!.metadata, signal);
  await untilOn(t, nodes, (pod) => pod.metadata.uid !== lost!.metadata.uid);
  await client.delete(DaemonSets, refOf(t), signal);
  await untilOn(t, []);
});

conformance("[sig-apps] Daemon set [Serial] should run and stop complex daemon", async (t) => {
  const { client, signal, unique } = t;
  const [node = ""] = await nodeNames(t);
  const color = `${unique}/color`;
  const paint = async (value: string | undefined): Promise<void> => {
    // eslint-disable-next-line unicorn/no-null -- a merge patch removes what is null
    const body = { metadata: { labels: { [color]: value ?? null } } };
    await client.patch(Nodes, { name: node }, { type: "merge", body }, signal);
  };
  t.cleanup((undoing) =>
    // eslint-disable-next-line unicorn/no-null -- as above
    client.patch(
      Nodes,
      { name: node },
      { type: "merge", body: { metadata: { labels: { [color]: null } } } },
      undoing,
    ),
  );
  const podSpec = { containers: [CONTAINER], nodeSelector: { [color]: "blue" } };
  await client.create(DaemonSets, newDaemonSet(t, NAME, {}, podSpec), signal);
  await untilReady(t, 0);
  await untilOn(t, []);
  await paint("blue");
  await untilOn(t, [node]);
  await untilReady(t, 1);
  await paint("green");
  await untilOn(t, []);
  await untilReady(t, 0);
  const body = {
    spec: {
      template: { spec: { nodeSelector: { [color]: "green" } } },
      updateStrategy: { type: "RollingUpdate" },
    },
  };
  await client.patch(DaemonSets, refOf(t), { type: "merge", body }, signal);
  await untilOn(t, [node], (pod) => pod.spec?.nodeSelector?.[color] === "green");
  await paint(undefined);
  await untilOn(t, []);
});

conformance("[sig-apps] Daemon set [Serial] should retry creating failed daemon pods", async (t) => {
  const { client, signal, namespace } = t;
  await client.create(DaemonSets, newDaemonSet(t, NAME), signal);
  const nodes = await nodeNames(t);
  const [victim] = await untilOn(t, nodes);
  const { metadata } = await client.list(Pods, { namespace }, signal);
  const watch = t.watch(Pods, { namespace, resourceVersion: metadata.resourceVersion! });
  const { uid } = victim!.metadata;
  const body = { status: { phase: "Failed", reason: "Evicted" } };
  await client.patch(Pods, victim!.metadata, { type: "merge", body }, signal, { subresource: "status" });
  await watch.until(
    "the end of the failed pod",
    ({ type, object }) => type === "DELETED" && object.metadata.uid === uid,
  );
  await untilOn(t, nodes, (pod) => pod.metadata.uid !== uid);
});

conformance(
  "[sig-apps] Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate",
  async (t) => {
    const { client, signal, namespace } = t;
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } } as const;
    await client.create(DaemonSets, newDaemonSet(t, NAME, { updateStrategy }), signal);
    const nodes = await nodeNames(t);
    const before = await untilOn(t, nodes);
    const { metadata } = await client.list(Pods, { namespace }, signal);
    const watch = t.watch(Pods, { namespace, resourceVersion: metadata.resourceVersion! });
    const body = { spec: { template: { spec: { containers: [NEXT_CONTAINER] } } } };
    await client.patch(DaemonSets, refOf(t), { type: "strategic", body }, signal);
    const after = await untilOn(t, nodes, (pod) => pod.spec?.containers[0]?.image === NEXT_CONTAINER.image);
    await t.waitFor(DaemonSets, refOf(t), (now) => now?.status?.updatedNumberScheduled === nodes.length);
    assert.equal(hashesOf(before).length, 1);
    assert.equal(hashesOf(after).length, 1);
    assert.notDeepEqual(hashesOf(before), hashesOf(after));
    const { items } = await client.list(ControllerRevisions, { namespace }, signal);
    assert.deepEqual(
      items
        .toSorted((a, b) => a.revision - b.revision)
        .map((one) => [one.revision, one.metadata.labels?.[REVISION]]),
      [
        [1, hashesOf(before)[0]],
        [2, hashesOf(after)[0]],
      ],
    );
    // The watch tells on a connection of its own.
    await watch.until("all of the new are ready", isLastOf(after));
    // At no time were two nodes without.
    let missing = 0;
    const ready = new Set(before.map((pod) => pod.metadata.uid));
    for (const { type, object } of watch.events) {
      if (type === "ERROR" || type === "BOOKMARK") continue;
      const isUp =
        type !== "DELETED" && isPodReady(object) && object.metadata.deletionTimestamp === undefined;
      if (isUp) ready.add(object.metadata.uid);
      else ready.delete(object.metadata.uid);
      missing = Math.max(missing, nodes.length - ready.size);
    }
    assert.equal(missing, 1);
  },
);

conformance("[sig-apps] Daemon set [Serial] should rollback without unnecessary restarts", async (t) => {
  const { client, signal } = t;
  await client.create(DaemonSets, newDaemonSet(t, NAME), signal);
  const nodes = await nodeNames(t);
  const before = await untilOn(t, nodes);
  assert.ok(before.length > 1);
  // A pod that never gets ready: the rollout stops at the first one.
  const body = { spec: { template: { spec: { readinessGates: GATED.readinessGates } } } };
  await client.patch(DaemonSets, refOf(t), { type: "strategic", body }, signal);
  const stuck = await t.untilList("one of the new", Pods, (all) =>
    all.find((pod) => pod.spec?.readinessGates !== undefined && pod.status?.phase === "Running"),
  );
  await t.kubectl("rollout", "undo", `daemonset/${NAME}`);
  const after = await untilOn(t, nodes, (pod) => pod.spec?.readinessGates === undefined);
  const kept = after.filter(({ metadata }) => before.some((old) => old.metadata.uid === metadata.uid));
  assert.equal(kept.length, before.length - 1, "only the pod that was touched is made anew");
  for (const pod of kept) assert.notEqual(pod.spec?.nodeName, stuck.spec?.nodeName);
  assert.deepEqual(hashesOf(after), hashesOf(before));
});

conformance("[sig-apps] Daemon set [Serial] should list and delete a collection of DaemonSets", (t) =>
  checkCollection(t, DaemonSets, (name) => newDaemonSet(t, name)),
);

conformance("[sig-apps] Daemon set [Serial] should verify changes to a daemon set status", async (t) => {
  await t.client.create(DaemonSets, newDaemonSet(t, NAME), t.signal);
  await untilReady(t, (await nodeNames(t)).length);
  await checkStatus(t, DaemonSets, refOf(t));
});
