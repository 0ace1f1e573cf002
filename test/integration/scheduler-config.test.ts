import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import { Metrics } from "#component-base";
import {
  loadSchedulerConfiguration,
  parseSchedulerConfiguration,
  schedulerMetrics,
  type Handle,
  type Plugin,
} from "#scheduler";
import { rack } from "../../examples/scheduler-plugin/rack.ts";
import { newPod, startSchedulerCluster } from "./scheduler-cluster.ts";

const HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
const EXAMPLE = "examples/scheduler-plugin/scheduler.yaml";
const isBound = ({ spec }: { readonly spec?: { readonly nodeName?: string } }): boolean =>
  (spec?.nodeName ?? "") !== "";

test("scheduler runs the example: a plugin of the user's in a profile of its own", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { labels: { "topology.example.com/rack": "r1" } });
  await cluster.addNode("b", { labels: { "topology.example.com/rack": "r2" } });
  cluster.startScheduler({
    config: await loadSchedulerConfiguration(EXAMPLE),
    registry: { Rack: rack },
  });
  const annotations = { "example.com/rack": "r2" };
  const spec = { schedulerName: "rack-scheduler" };
  await cluster.create(newPod("here", { annotations, spec }));
  await cluster.create(newPod("plain"));
  await cluster.create(newPod("nowhere", { annotations: { "example.com/rack": "r3" }, spec }));
  assert.equal((await cluster.pod("here", isBound)).spec?.nodeName, "b");
  await cluster.pod("plain", isBound);
  const refused = await cluster.pod("nowhere", ({ status }) => status?.conditions?.length === 1);
  assert.match(
    refused.status!.conditions![0]!.message!,
    /^0\/2 nodes are available: 2 node\(s\) were in another rack\./,
  );
  await cluster.addNode("c", { labels: { "topology.example.com/rack": "r3" } });
  assert.equal((await cluster.pod("nowhere", isBound)).spec?.nodeName, "c");
});

function strategy(name: string, type: string): string {
  return (
    `- schedulerName: ${name}\n  plugins: {score: {disabled: [{name: "*"}], enabled: [{name: NodeResourcesFit}]}}\n` +
    `  pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: ${type}}}}]\n`
  );
}

test("scheduler packs or spreads as the scoring strategy of the profile says", async () => {
  const text = `${HEAD}profiles:\n${strategy("pack", "MostAllocated")}${strategy("spread", "LeastAllocated")}`;
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  await cluster.addNode("b");
  await cluster.create(newPod("first", { cpu: "1", spec: { nodeName: "a" } }));
  cluster.startScheduler({ config: parseSchedulerConfiguration(text) });
  await cluster.create(newPod("packed", { spec: { schedulerName: "pack" } }));
  await cluster.create(newPod("spread", { spec: { schedulerName: "spread" } }));
  assert.equal((await cluster.pod("packed", isBound)).spec?.nodeName, "a");
  assert.equal((await cluster.pod("spread", isBound)).spec?.nodeName, "b");
});

test("scheduler keeps to the added affinity of its profile", async () => {
  const term = "{matchExpressions: [{key: pool, operator: In, values: [batch]}]}";
  const text = `${HEAD}profiles:
- pluginConfig:
  - name: NodeAffinity
    args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [${term}]}}}
`;
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  cluster.startScheduler({ config: parseSchedulerConfiguration(text) });
  await cluster.create(newPod("p"));
  const refused = await cluster.pod("p", ({ status }) => status?.conditions?.length === 1);
  assert.match(
    refused.status!.conditions![0]!.message!,
    /1 node\(s\) didn't match scheduler-enforced node affinity\./,
  );
  await cluster.addNode("b", { labels: { pool: "batch" } });
  assert.equal((await cluster.pod("p", isBound)).spec?.nodeName, "b");
});

function answer(response: ServerResponse, body: object): void {
  response.end(JSON.stringify(body));
}

test("scheduler asks an extender to filter, to prioritize and to bind", async () => {
  await using cluster = await startSchedulerCluster();
  for (const name of ["a", "b", "c"]) await cluster.addNode(name);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const args = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      asked.push(request.url!);
      if (request.url === "/x/filter")
        return answer(response, {
          NodeNames: args.NodeNames.filter((name: string) => name !== "a"),
          FailedNodes: { a: "too far" },
        });
      if (request.url === "/x/prioritize")
        return answer(response, [
          { Host: "b", Score: 0 },
          { Host: "c", Score: 10 },
        ]);
      const target = { apiVersion: "v1", kind: "Node", name: args.Node };
      const metadata = { name: args.PodName, namespace: args.PodNamespace, uid: args.PodUID };
      const binding = { apiVersion: "v1", kind: "Binding", metadata, target };
      void cluster.client
        .createSubresource(Pods, metadata, "binding", binding, cluster.signal)
        .then(() => answer(response, {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const text = `${HEAD}extenders:
- urlPrefix: http://127.0.0.1:${port}/x
  filterVerb: filter
  prioritizeVerb: prioritize
  bindVerb: bind
  weight: 10
  nodeCacheCapable: true
- urlPrefix: http://127.0.0.1:1/nobody
  filterVerb: filter
  ignorable: true
`;
  try {
    cluster.startScheduler({ config: parseSchedulerConfiguration(text) });
    await cluster.create(newPod("p"));
    assert.equal((await cluster.pod("p", isBound)).spec?.nodeName, "c");
    assert.deepEqual(asked, ["/x/filter", "/x/prioritize", "/x/bind"]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("scheduler holds a pod back until a Permit plugin allows it, and refuses it when it is rejected", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  const { promise, resolve } = Promise.withResolvers<Handle>();
  const permit = (_args: unknown, handle: Handle): Plugin => {
    resolve(handle);
    return { name: "Gate", permit: () => ({ code: "Wait", timeoutMs: 60_000 }), queueingHint: () => false };
  };
  const text = `${HEAD}profiles: [{plugins: {permit: {enabled: [{name: Gate}]}}}]`;
  const metrics = new Metrics(schedulerMetrics);
  cluster.startScheduler({
    config: parseSchedulerConfiguration(text),
    registry: { Gate: permit },
    metrics,
  });
  const handle = await promise;
  const waitingFor = async (name: string) => {
    const { metadata } = await cluster.pod(name, ({ status }) => status?.nominatedNodeName === "a");
    return handle.waitingPods.get(metadata.uid!)!;
  };
  await cluster.create(newPod("good"));
  (await waitingFor("good")).allow("Gate");
  await cluster.pod("good", isBound);
  await cluster.create(newPod("bad"));
  (await waitingFor("bad")).reject("Gate", "not today");
  const refused = await cluster.pod("bad", ({ status }) => status?.conditions?.length === 1);
  assert.equal(refused.status!.conditions![0]!.message, "0/1 nodes are available: 1 not today.");
  await cluster.pod("bad", ({ status }) => status?.nominatedNodeName === undefined);
  const exposed = await metrics.expose();
  assert.match(exposed, /scheduler_permit_wait_duration_seconds_count\{result="Unschedulable"\} 1/);
  assert.match(
    exposed,
    /scheduler_plugin_evaluation_total\{plugin="NodeResourcesFit",extension_point="Filter"/,
  );
  assert.match(exposed, /scheduler_queue_incoming_pods_total\{queue="active",event="UnscheduledPodAdd"\} 2/);
});

test("scheduler refuses to start with plugins that are not there", async () => {
  await using cluster = await startSchedulerCluster();
  const { runScheduler } = await import("#scheduler");
  const config = parseSchedulerConfiguration(
    `${HEAD}profiles: [{plugins: {filter: {enabled: [{name: Nobody}]}}}]`,
  );
  const parts = { client: cluster.client, informers: cluster.informers, config };
  await assert.rejects(
    runScheduler(parts as unknown as Parameters<typeof runScheduler>[0], cluster.signal),
    /FilterPlugin "Nobody" does not exist/,
  );
  assert.equal((await cluster.client.list(Events, { namespace: "default" }, cluster.signal)).items.length, 0);
});
