/** NoExecute taints: who is sent away, when, and who may stay after all. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod, Toleration } from "#api/core/v1/types.gen";
import { conformance, type SimulatedContext } from "../harness/index.ts";
import { startOwnNode, untilRunning, type OwnNode } from "../scheduling/own-node.ts";

const KEY = "example.com/evict";
const OTHER_KEY = "example.com/evict-too";

function tolerating(key: string, tolerationSeconds: number): Toleration {
  return { key, operator: "Exists", effect: "NoExecute", tolerationSeconds };
}

/** On the node, with these besides what lets it on the node. */
async function start(
  t: SimulatedContext,
  node: OwnNode,
  name: string,
  ...own: readonly Toleration[]
): Promise<Pod> {
  const pod = node.newPod(name, 1);
  const tolerations = [...(pod.spec?.tolerations ?? []), ...own];
  const made = await t.client.create(Pods, { ...pod, spec: { ...pod.spec!, tolerations } }, t.signal);
  return untilRunning(t, made);
}

/** These, instead of those that this function has put there before. */
async function taint(t: SimulatedContext, node: string, ...keys: readonly string[]): Promise<void> {
  const now = await t.client.get(Nodes, { name: node }, t.signal);
  const kept = (now.spec?.taints ?? []).filter(({ key }) => ![KEY, OTHER_KEY].includes(key));
  const taints = [...kept, ...keys.map((key) => ({ key, effect: "NoExecute" }))];
  await t.client.patch(Nodes, { name: node }, { type: "merge", body: { spec: { taints } } }, t.signal);
}

async function stays(t: SimulatedContext, pod: Pod): Promise<void> {
  const now = await t.client.get(Pods, pod.metadata, t.signal);
  assert.equal(now.metadata.uid, pod.metadata.uid);
  assert.equal(now.metadata.deletionTimestamp, undefined);
  assert.equal(now.status?.phase, "Running");
}

conformance(
  "[sig-node] NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive]",
  async (t) => {
    const node = await startOwnNode(t, 4);
    const pod = await start(t, node, "stays", tolerating(KEY, 2));
    // Another node keeps its taint: when its pod goes, the first one's time has been over for a second.
    const other = await startOwnNode({ ...t, unique: `${t.unique}-2` }, 4);
    const witness = await start(t, other, "goes", tolerating(KEY, 3));
    await taint(t, node.name, KEY);
    await taint(t, other.name, KEY);
    await taint(t, node.name);
    await t.waitGone(Pods, witness.metadata);
    await stays(t, pod);
    // And the next taint counts from its own beginning.
    await taint(t, node.name, KEY);
    await t.waitGone(Pods, pod.metadata);
  },
);

conformance(
  "[sig-node] NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive]",
  async (t) => {
    const node = await startOwnNode(t, 8);
    const both = await start(t, node, "both", tolerating(KEY, 300), tolerating(OTHER_KEY, 2));
    const one = await start(t, node, "one", tolerating(KEY, 1), tolerating(OTHER_KEY, 300));
    const long = await start(t, node, "long", tolerating(KEY, 300), tolerating(OTHER_KEY, 300));
    const intolerant = await start(t, node, "intolerant", tolerating(KEY, 300));
    const { resourceVersion } = (await t.client.list(Pods, { namespace: t.namespace }, t.signal)).metadata;
    const watch = t.watch(Pods, { namespace: t.namespace, resourceVersion: resourceVersion! });
    await taint(t, node.name, KEY, OTHER_KEY);
    for (const pod of [both, one, intolerant]) await t.waitGone(Pods, pod.metadata);
    // The least of what their tolerations say, in the order of that.
    await watch.until("the end of the last", ({ type, object }) => {
      return type === "DELETED" && object.metadata.name === "both";
    });
    const gone = watch.events.flatMap((event) => (event.type === "DELETED" ? [event.object] : []));
    assert.deepEqual(
      gone.map(({ metadata }) => metadata.name),
      ["intolerant", "one", "both"],
    );
    for (const { status, metadata } of gone) {
      const target = status?.conditions?.find(({ type }) => type === "DisruptionTarget");
      assert.equal(target?.reason, "DeletionByTaintManager", metadata.name);
    }
    await stays(t, long);
  },
);
