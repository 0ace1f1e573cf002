import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments } from "#api/apps/v1/deployment";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Deployment } from "#api/apps/v1/types.gen";
import type { ConfigMap, Pod, PodSpec } from "#api/core/v1/types.gen";
import { systemClock } from "#apimachinery";
import { newClient } from "#client";
import { clientConfigOf, newHttpTransport, parseKubeconfig } from "#client/node";
import { startTestCluster } from "./test-cluster.ts";

const namespace = "default";

test("startTestCluster rolls deployments out, and lets namespaces go with everything in them", async () => {
  await using cluster = await startTestCluster({ nodes: 2 });
  const { client, signal } = cluster;
  await client.create(
    Namespaces,
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    signal,
  );
  const ref = { namespace: "shop", name: "web" };
  await client.create(Deployments, newDeployment(ref, 3), signal);
  await cluster.waitFor(Deployments, ref, (web) => web?.status?.availableReplicas === 3);
  const { items } = await client.list(Pods, { namespace: "shop" }, signal);
  assert.deepEqual(
    items.map(({ status }) => status?.phase),
    ["Running", "Running", "Running"],
  );
  assert.equal(new Set(items.map(({ spec }) => spec?.nodeName)).size, 2);
  assert.equal(new Set(items.map(({ status }) => status?.podIP)).size, 3);
  await client.delete(Namespaces, { name: "shop" }, signal);
  await cluster.waitFor(Namespaces, { name: "shop" }, (shop) => shop === undefined);
  assert.deepEqual((await client.list(Pods, {}, signal)).items, []);
});

test("startTestCluster opens no port and resolves with Ready nodes", async () => {
  await using cluster = await startTestCluster({ nodes: 3 });
  const { items } = await cluster.client.list(Nodes, {}, cluster.signal);
  const ready = items.filter(({ status }) => status?.conditions?.some(isReady));
  assert.deepEqual(ready.map(({ metadata }) => metadata.name).toSorted(), ["node-1", "node-2", "node-3"]);
  assert.equal(cluster.kubeconfig, undefined);
  assert.ok(!process.getActiveResourcesInfo().includes("TCPServerWrap"));
});

test("startTestCluster without controllers leaves objects alone, and takes pods without a ServiceAccount", async () => {
  await using cluster = await startTestCluster({ controllers: false });
  const { client, signal } = cluster;
  await client.create(Deployments, newDeployment({ namespace, name: "web" }, 1), signal);
  await client.create(Pods, newPod("lone"), signal);
  await cluster.waitFor(Pods, { namespace, name: "lone" }, isRunning);
  assert.equal((await client.list(Pods, {}, signal)).items.length, 1);
});

test("startTestCluster runs only the controllers that are named", async () => {
  await using cluster = await startTestCluster({ nodes: 0, controllers: ["deployment-controller"] });
  const { client, signal } = cluster;
  const ref = { namespace, name: "web" };
  await client.create(Deployments, newDeployment(ref, 1), signal);
  await cluster.waitFor(Deployments, ref, (web) => web?.status?.observedGeneration === 1);
  assert.deepEqual((await client.list(Pods, {}, signal)).items, []);
  await assert.rejects(startTestCluster({ controllers: ["no-controller"] }), RangeError);
});

test("startTestCluster without a scheduler runs the pods that name their node", async () => {
  await using cluster = await startTestCluster({ scheduler: false, nodes: 1 });
  const { client, signal } = cluster;
  await client.create(Pods, newPod("unbound"), signal);
  await client.create(Pods, newPod("bound", { nodeName: "node-1" }), signal);
  await cluster.waitFor(Pods, { namespace, name: "bound" }, isRunning);
  const unbound = await client.get(Pods, { namespace, name: "unbound" }, signal);
  assert.equal(unbound.spec?.nodeName, undefined);
});

test("startTestCluster freezes what is read, unless told otherwise", async () => {
  for (const freezeObjects of [true, false]) {
    await using cluster = await startTestCluster({ nodes: 0, freezeObjects });
    const ref = { namespace, name: "settings" };
    const settings: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata: ref, data: { a: "1" } };
    await cluster.client.create(ConfigMaps, settings, cluster.signal);
    const read = await cluster.client.get(ConfigMaps, ref, cluster.signal);
    assert.equal(Object.isFrozen(read.data), freezeObjects);
  }
});

test("startTestCluster that listens gives a kubeconfig with which other clients come in, and nobody without", async () => {
  await using cluster = await startTestCluster({ nodes: 0, listen: true });
  const config = clientConfigOf(await parseKubeconfig(cluster.kubeconfig!, ""), {});
  assert.match(config.server, /^https:\/\/127\.0\.0\.1:\d+$/);
  const transport = newHttpTransport(config, { clock: systemClock });
  const namespaces = await newClient(transport).list(Namespaces, {}, cluster.signal);
  await transport.close();
  assert.ok(namespaces.items.some(({ metadata }) => metadata.name === "default"));
  const { clientCertificate: _, ...anonymous } = config;
  const stranger = newHttpTransport(anonymous, { clock: systemClock });
  await assert.rejects(newClient(stranger).list(Namespaces, {}, cluster.signal), { code: 403 });
  await stranger.close();
});

test("startTestCluster makes clusters that know nothing of each other", async () => {
  await using one = await startTestCluster({ nodes: 0 });
  await using other = await startTestCluster({ nodes: 1 });
  assert.equal((await one.client.list(Nodes, {}, one.signal)).items.length, 0);
  assert.equal((await other.client.list(Nodes, {}, other.signal)).items.length, 1);
});

test("addNode makes a node with labels, to which pods that ask for them go", async () => {
  await using cluster = await startTestCluster();
  const node = await cluster.addNode({ name: "gpu", labels: { gpu: "yes" }, machine: { cpus: 4 } });
  await cluster.client.create(Pods, newPod("trainer", { nodeSelector: { gpu: "yes" } }), cluster.signal);
  const pod = await cluster.waitFor(Pods, { namespace, name: "trainer" }, isRunning);
  assert.equal(pod.spec?.nodeName, "gpu");
  const { status } = await cluster.client.get(Nodes, { name: node.name }, cluster.signal);
  assert.equal(status?.capacity?.["cpu"], "4");
});

test("addNode with a registry of its own tells of images that are missing", async () => {
  await using cluster = await startTestCluster({ nodes: 0 });
  await cluster.addNode({ canPull: (image) => !image.includes("missing") });
  await cluster.client.create(
    Pods,
    newPod("p", { containers: [{ name: "c", image: "missing:1" }] }),
    cluster.signal,
  );
  await cluster.waitFor(Pods, { namespace, name: "p" }, (pod) => {
    const reason = pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "";
    return reason === "ErrImagePull" || reason === "ImagePullBackOff";
  });
});

test("stop of a node leaves its objects, and no kubelet that acts on them", async () => {
  await using cluster = await startTestCluster({ nodes: 0 });
  const node = await cluster.addNode();
  await node.stop();
  await cluster.client.create(Pods, newPod("late", { nodeName: node.name }), cluster.signal);
  const other = await cluster.addNode();
  await cluster.client.create(Pods, newPod("later", { nodeName: other.name }), cluster.signal);
  await cluster.waitFor(Pods, { namespace, name: "later" }, isRunning);
  const late = await cluster.client.get(Pods, { namespace, name: "late" }, cluster.signal);
  assert.equal(late.status?.phase, "Pending");
});

test("waitFor tells of the last state when the time is over", async () => {
  await using cluster = await startTestCluster({ nodes: 0 });
  await cluster.client.create(Pods, newPod("stuck"), cluster.signal);
  const ref = { namespace, name: "stuck" };
  await assert.rejects(
    cluster.waitFor(Pods, ref, isRunning, { timeoutMs: 1 }),
    /Waited 1 ms in vain for Pod default\/stuck, last seen as .*"phase":"Pending"/,
  );
});

test("until throws what its question throws, and ends with the cluster", async () => {
  const cluster = await startTestCluster({ nodes: 0 });
  const broken = cluster.until("broken", [Pods], () => {
    throw new Error("broken question");
  });
  await assert.rejects(broken, /broken question/);
  const waiting = cluster.until("the impossible", [Pods], () => false);
  const ended = assert.rejects(waiting, /The cluster ended before: the impossible/);
  // the wait has begun when its informer has synced
  await cluster.informers.waitForSync(cluster.signal);
  await new Promise((resolve) => setImmediate(resolve));
  await cluster.close();
  await ended;
  await assert.rejects(cluster.until("anything", [], () => true));
  await cluster.close();
});

function newPod(name: string, spec: Partial<PodSpec> = {}): Pod {
  const containers = [{ name: "c", image: "web:1" }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { containers, ...spec } };
}

function newDeployment(metadata: { name: string; namespace: string }, replicas: number): Deployment {
  const labels = { app: metadata.name };
  const readinessProbe = { httpGet: { path: "/", port: 80 } };
  const containers = [{ name: "c", image: "web:1", readinessProbe }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

function isRunning(pod: Pod | undefined): boolean {
  return pod?.status?.phase === "Running";
}

function isReady({ type, status }: { readonly type: string; readonly status: string }): boolean {
  return type === "Ready" && status === "True";
}
