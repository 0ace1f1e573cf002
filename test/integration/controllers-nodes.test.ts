import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { FakeClock, formatMicroTime, systemClock } from "#apimachinery";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { Leases } from "#api/coordination/v1/lease";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { Cluster } from "./controllers-cluster.ts";
import { newNode, startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  Nodes,
  Pods,
  Leases,
  DaemonSets,
  Deployments,
  Namespaces,
  PodDisruptionBudgets,
] as unknown as Kind[];
const LEASES = "kube-node-lease";
const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "v1" }] } };

function node(cluster: Cluster, name: string): Node | undefined {
  return cluster.informers.lister(Nodes).get(name);
}

function taintsOf(found: Node | undefined): readonly string[] {
  return (found?.spec?.taints ?? [])
    .map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`)
    .toSorted();
}

function isReady({ status }: Pod): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === "Ready" && condition.status === "True",
  );
}

/** A heartbeat of `name`, which the controllers have seen when this resolves. */
async function renew(cluster: Cluster, name: string, clock: FakeClock): Promise<void> {
  const { client, signal } = cluster;
  const renewTime = formatMicroTime(clock.now());
  const existing = cluster.informers.lister(Leases).get(`${LEASES}/${name}`);
  const metadata = existing?.metadata ?? { name, namespace: LEASES };
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
  const lease = { apiVersion: "coordination.k8s.io/v1" as const, kind: "Lease" as const, metadata, spec };
  await (existing === undefined
    ? client.create(Leases, lease, signal)
    : client.update(Leases, lease, signal));
  await cluster.until(
    "the heartbeat is seen",
    WATCHED,
    () => cluster.informers.lister(Leases).get(`${LEASES}/${name}`)?.spec?.renewTime === renewTime,
  );
}

/** Time passes in steps short enough that `alive` is heard of in time. */
async function pass(cluster: Cluster, clock: FakeClock, seconds: number, alive: string): Promise<void> {
  for (let left = seconds; left > 0; left -= 30) {
    clock.advance(Math.min(left, 30) * 1000);
    await renew(cluster, alive, clock);
  }
}

test("a node that falls silent is unknown, its pods are not ready, and go when they tolerate it no longer", async () => {
  const clock = new FakeClock(systemClock.now());
  await using cluster = await startCluster(WATCHED, clock);
  const { client, signal } = cluster;
  await client.create(Nodes, newNode("node-2"), signal);
  await client.create(
    Namespaces,
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "lost" } },
    signal,
  );
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const metadata = { name: "web", namespace: "lost" };
  await client.create(Deployments, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec }, signal);
  const pods = (): readonly Pod[] => cluster.informers.lister(Pods).list("lost");
  const pod = await cluster.until("the pod is ready", WATCHED, () => pods().find(isReady));
  await cluster.until(
    "both nodes are known",
    WATCHED,
    () =>
      node(cluster, "node-1")?.spec?.podCIDR !== undefined &&
      node(cluster, "node-2")?.spec?.podCIDR !== undefined,
  );
  assert.notEqual(node(cluster, "node-1")?.spec?.podCIDR, node(cluster, "node-2")?.spec?.podCIDR);
  cluster.pauseKubelet();

  await renew(cluster, "node-2", clock);
  await pass(cluster, clock, 60, "node-2");
  const ready = await cluster.until("the node is unknown", WATCHED, () =>
    node(cluster, "node-1")?.status?.conditions?.find(
      ({ type, status }) => type === "Ready" && status === "Unknown",
    ),
  );
  assert.deepEqual(
    [ready.reason, ready.message],
    ["NodeStatusUnknown", "Kubelet stopped posting node status."],
  );
  await cluster.until("it is tainted", WATCHED, () => taintsOf(node(cluster, "node-1")).length === 2);
  assert.deepEqual(taintsOf(node(cluster, "node-1")), ["unreachable:NoExecute", "unreachable:NoSchedule"]);
  assert.deepEqual(taintsOf(node(cluster, "node-2")), []);
  await cluster.until("its pod is not ready", WATCHED, () => !pods().some(isReady));

  await pass(cluster, clock, 240, "node-2");
  assert.equal(
    pods().find(({ metadata: { name } }) => name === pod.metadata.name)?.metadata.deletionTimestamp,
    undefined,
  );
  await pass(cluster, clock, 90, "node-2");
  const gone = await cluster.until("the pod is to go, and another comes", WATCHED, () => {
    const old = pods().find(({ metadata: { name } }) => name === pod.metadata.name);
    return pods().length === 2 && old?.metadata.deletionTimestamp !== undefined && old;
  });
  const disruption = gone.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.equal(disruption?.reason, "DeletionByTaintManager");
  assert.deepEqual(cluster.errors, []);
});

test("a daemon set has a pod on every node it is for, and replaces them one by one", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal } = cluster;
  const metadata = { name: "agent", namespace: "default" };
  const spec = { selector: { matchLabels: labels }, template };
  await client.create(DaemonSets, { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec }, signal);
  const isDone = (image: string, revision: number) => (): boolean => {
    const ds = cluster.informers.lister(DaemonSets).get("default/agent");
    const { numberAvailable = 0, updatedNumberScheduled = 0, observedGeneration = 0 } = ds?.status ?? {};
    const pods = cluster.informers.lister(Pods).list("default");
    const isNew = pods.length === 1 && pods[0]?.spec?.containers[0]?.image === image;
    return isNew && numberAvailable === 1 && updatedNumberScheduled === 1 && observedGeneration === revision;
  };
  await cluster.until("it runs", WATCHED, isDone("v1", 1));
  const body = { spec: { template: { spec: { containers: [{ name: "web", image: "v2" }] } } } };
  await client.patch(DaemonSets, metadata, { type: "strategic", body }, signal);
  await cluster.until("it is updated", WATCHED, isDone("v2", 2));

  const pdb = {
    apiVersion: "policy/v1" as const,
    kind: "PodDisruptionBudget" as const,
    metadata,
    spec: { selector: { matchLabels: labels }, minAvailable: 0 },
  };
  await client.create(PodDisruptionBudgets, pdb, signal);
  const budget = await cluster.until("the budget is told", WATCHED, () => {
    const found = cluster.informers.lister(PodDisruptionBudgets).get("default/agent");
    return found?.status?.disruptionsAllowed === 1 && found;
  });
  assert.equal(budget.status?.conditions?.[0]?.reason, "SufficientPods");
  assert.deepEqual(cluster.errors, []);
});
