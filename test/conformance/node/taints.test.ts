/** NoExecute taints: who is sent away, when, and who may stay after all. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod, Taint, Toleration } from "#api/core/v1/types.gen";
import { conformance, newPod, type ContainersContext } from "../harness/index.ts";
import { untilRunning } from "../scheduling/own-node.ts";

const KEY = "example.com/evict";
const OTHER_KEY = "example.com/evict-too";

function tolerating(key: string, tolerationSeconds: number): Toleration {
  return { key, operator: "Exists", effect: "NoExecute", tolerationSeconds };
}

/** Two nodes of the cluster: nobody else is at work while these tests are. Their taints go with the test. */
async function nodesOf(t: ContainersContext): Promise<readonly [string, string]> {
  const { items } = await t.client.list(Nodes, {}, t.signal);
  const [first, second] = items.map(({ metadata }) => metadata.name);
  assert.ok(first !== undefined && second !== undefined);
  t.cleanup(async (undoing) => {
    for (const name of [first, second]) await writeTaints(t, name, [], undoing);
  });
  return [first, second];
}

/** On the node. */
async function start(
  t: ContainersContext,
  nodeName: string,
  name: string,
  ...tolerations: readonly Toleration[]
): Promise<Pod> {
  const pod = newPod(t, name);
  const nodeSelector = { "kubernetes.io/hostname": nodeName };
  const spec = { ...pod.spec!, tolerations, nodeSelector, terminationGracePeriodSeconds: 1 };
  return untilRunning(t, await t.client.create(Pods, { ...pod, spec }, t.signal));
}

/** These, instead of all others. */
function taint(t: ContainersContext, node: string, ...keys: readonly string[]): Promise<void> {
  const taints = keys.map((key) => ({ key, effect: "NoExecute" }));
  return writeTaints(t, node, taints, t.signal);
}

async function writeTaints(
  t: ContainersContext,
  name: string,
  taints: readonly Taint[],
  signal: AbortSignal,
): Promise<void> {
  await t.client.patch(Nodes, { name }, { type: "merge", body: { spec: { taints } } }, signal);
}

async function stays(t: ContainersContext, pod: Pod): Promise<void> {
  const now = await t.client.get(Pods, pod.metadata, t.signal);
  assert.equal(now.metadata.uid, pod.metadata.uid);
  assert.equal(now.metadata.deletionTimestamp, undefined);
  assert.equal(now.status?.phase, "Running");
}

conformance(
  "[sig-node] NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive]",
  { containers: true },
  async (t) => {
    const [node, other] = await nodesOf(t);
    const pod = await start(t, node, "stays", tolerating(KEY, 2));
    // Another node keeps its taint: when its pod goes, the first one's time has been over for a second.
    const witness = await start(t, other, "goes", tolerating(KEY, 3));
    await taint(t, node, KEY);
    await taint(t, other, KEY);
    await taint(t, node);
    await t.waitGone(Pods, witness.metadata);
    await stays(t, pod);
    // And the next taint counts from its own beginning.
    await taint(t, node, KEY);
    await t.waitGone(Pods, pod.metadata);
  },
);

conformance(
  "[sig-node] NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive]",
  { containers: true },
  async (t) => {
    const [node] = await nodesOf(t);
    const both = await start(t, node, "both", tolerating(KEY, 300), tolerating(OTHER_KEY, 2));
    const one = await start(t, node, "one", tolerating(KEY, 1), tolerating(OTHER_KEY, 300));
    const long = await start(t, node, "long", tolerating(KEY, 300), tolerating(OTHER_KEY, 300));
    const intolerant = await start(t, node, "intolerant", tolerating(KEY, 300));
    const { resourceVersion } = (await t.client.list(Pods, { namespace: t.namespace }, t.signal)).metadata;
    const watch = t.watch(Pods, { namespace: t.namespace, resourceVersion: resourceVersion! });
    await taint(t, node, KEY, OTHER_KEY);
    // The least of what their tolerations say, in the order of that: one ends as another begins to.
    for (const { metadata } of [intolerant, one, both])
      await watch.until(`the end of ${metadata.name}`, ({ type, object }) => {
        return type === "DELETED" && object.metadata.name === metadata.name;
      });
    const ends = new Map<string, Pod>();
    for (const { type, object } of watch.events) {
      if (type !== "MODIFIED" || object.metadata.deletionTimestamp === undefined) continue;
      if (!ends.has(object.metadata.name)) ends.set(object.metadata.name, object);
    }
    assert.deepEqual([...ends.keys()], ["intolerant", "one", "both"]);
    for (const { status, metadata } of ends.values()) {
      const target = status?.conditions?.find(({ type }) => type === "DisruptionTarget");
      assert.equal(target?.reason, "DeletionByTaintManager", metadata.name);
    }
    await stays(t, long);
  },
);
