import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { unschedulable, type Plugin } from "#scheduler";
import { newPod, startSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

/** Says what it is asked, as "plugin point pod node". */
function teller(name: string, said: string[], plugin: Partial<Plugin> = {}): Plugin {
  const say = (point: string, pod: Pod, nodeName: string): void => {
    said.push(`${name} ${point} ${pod.metadata.name} ${nodeName}`);
  };
  return {
    name,
    ...plugin,
    reserve(state, info, nodeName, snapshot) {
      say("reserve", info.pod, nodeName);
      return plugin.reserve?.(state, info, nodeName, snapshot);
    },
    unreserve(state, info, nodeName) {
      say("unreserve", info.pod, nodeName);
      plugin.unreserve?.(state, info, nodeName);
    },
    postBind(state, info, nodeName) {
      say("postBind", info.pod, nodeName);
      plugin.postBind?.(state, info, nodeName);
    },
  };
}

function start(cluster: SchedulerCluster, ...plugins: readonly Plugin[]): void {
  cluster.startScheduler({ plugins: plugins.map((plugin) => ({ plugin, weight: 0 })) });
}

function failing(): never {
  throw new Error("broken");
}

const isBound = ({ spec }: Pod): boolean => (spec?.nodeName ?? "") !== "";
const messageOf = ({ status }: Pod): string | undefined => status?.conditions?.[0]?.message;
const isRefused = (pod: Pod): boolean => pod.status?.conditions?.[0]?.status === "False";

test("scheduler tells user's plugins what is reserved and bound, in their order", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  start(cluster, teller("One", said), teller("Two", said, { postBind: () => resolve() }));
  await cluster.create(newPod("p"));
  await promise;
  assert.deepEqual(said, ["One reserve p a", "Two reserve p a", "One postBind p a", "Two postBind p a"]);
});

test("scheduler has all plugins take back what they reserved, in reverse, when one refuses", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const said: string[] = [];
  let isFull = true;
  start(
    cluster,
    teller("One", said),
    teller("Two", said, {
      reserve: () => (isFull ? unschedulable("Two", "node(s) had no licence left") : undefined),
      queueingHint: ({ resource }) => resource === "Node",
    }),
    teller("Three", said),
  );
  await cluster.create(newPod("p", { cpu: "1" }));
  const refused = await cluster.pod("p", isRefused);
  assert.equal(messageOf(refused), "0/1 nodes are available: 1 node(s) had no licence left.");
  assert.deepEqual(said.splice(0), [
    "One reserve p a",
    "Two reserve p a",
    "Three unreserve p a",
    "Two unreserve p a",
    "One unreserve p a",
  ]);
  isFull = false;
  await cluster.addNode("tiny", { cpu: "100m" });
  assert.equal((await cluster.pod("p", isBound)).spec!.nodeName, "a", "the room is free again");
});

test("scheduler has plugins take back what they reserved when PreBind fails, and tries again", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const said: string[] = [];
  let failures = 1;
  const plugin = teller("One", said, {
    preBind: () => (failures-- > 0 ? Promise.reject(new Error("no answer")) : Promise.resolve(undefined)),
  });
  start(cluster, plugin);
  await cluster.create(newPod("p", { cpu: "1" }));
  const failed = await cluster.pod("p", isRefused);
  assert.match(messageOf(failed)!, /running PreBind plugin "One": no answer/);
  await cluster.pod("p", isBound);
  assert.deepEqual(said.slice(0, 3), ["One reserve p a", "One unreserve p a", "One reserve p a"]);
});

test("scheduler gives the room back though a plugin fails to take back what it reserved", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const said: string[] = [];
  start(
    cluster,
    teller("One", said),
    teller("Two", said, {
      reserve: (_state, { pod }) =>
        pod.metadata.name === "refused" ? unschedulable("Two", "node(s) were not liked") : undefined,
      unreserve: failing,
    }),
  );
  await cluster.create(newPod("refused", { cpu: "1" }));
  await cluster.pod("refused", isRefused);
  assert.equal(said.at(-1), "One unreserve refused a");
  await cluster.create(newPod("other", { cpu: "1" }));
  await cluster.pod("other", isBound);
});

test("scheduler leaves a pod bound when a PostBind plugin fails, and tells the others", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  start(
    cluster,
    teller("One", said, { postBind: failing }),
    teller("Two", said, { postBind: () => resolve() }),
  );
  await cluster.create(newPod("p", { cpu: "1" }));
  await promise;
  await cluster.create(newPod("q", { cpu: "1" }));
  const refused = await cluster.pod("q", isRefused);
  assert.match(messageOf(refused)!, /1 Insufficient cpu/);
  assert.ok(!said.some((line) => line.includes("unreserve")), said.join());
  assert.notEqual(messageOf(await cluster.pod("p", isBound)), "broken");
});

test("scheduler asks a user's PostFilter plugin when preemption does not help, and keeps the node it names", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1", unschedulable: true });
  const asked: string[] = [];
  const plugin: Plugin = {
    name: "Waker",
    postFilter(_cycle, { pod }, { nodes, statuses }) {
      asked.push(`${pod.metadata.name}: ${nodes[0]!.name} ${statuses[0]!.reasons.join()}`);
      return pod.metadata.name === "lost"
        ? { status: unschedulable("Waker", "nobody to wake") }
        : { status: undefined, nominatedNodeName: "a" };
    },
  };
  start(cluster, plugin);
  await cluster.create(newPod("p"));
  const promised = await cluster.pod("p", ({ status }) => status?.nominatedNodeName === "a");
  assert.match(messageOf(promised)!, /^0\/1 nodes are available: 1 node\(s\) were unschedulable\./);
  await cluster.create(newPod("lost"));
  assert.match(messageOf(await cluster.pod("lost", isRefused))!, /nobody to wake/);
  assert.deepEqual(asked, ["p: a node(s) were unschedulable", "lost: a node(s) were unschedulable"]);
});
