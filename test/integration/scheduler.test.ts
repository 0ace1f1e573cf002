import assert from "node:assert/strict";
import { test } from "node:test";
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { Event, Pod, PodSpec } from "#api/core/v1/types.gen";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { conflict } from "#apimachinery";
import { newClient, type Transport } from "#client";
import { Metrics } from "#component-base";
import { schedulerMetrics, unschedulable, type Plugin } from "#scheduler";
import { startTestCluster } from "#testing";
import { newPod, startSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

test("scheduler binds a pod, says so in an event, and the API sets the condition", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  cluster.startScheduler();
  await cluster.create(newPod("web"));
  const pod = await bound(cluster, "web");
  assert.equal(pod.spec!.nodeName, "a");
  assert.equal(conditionOf(pod)?.status, "True");
  const event = await eventOf(cluster, "web", "Scheduled");
  assert.equal(event.message, "Successfully assigned default/web to a");
  const { reportingComponent, reportingInstance, action } = event;
  assert.deepEqual(
    [reportingComponent, reportingInstance, action],
    ["default-scheduler", "default-scheduler-here", "Binding"],
  );
});

test("scheduler says in event and condition why a pod fits nowhere, and binds it when a node comes that has room", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("small", { cpu: "1" });
  await cluster.addNode("tainted", { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] });
  await cluster.addNode("cordoned", { unschedulable: true });
  cluster.startScheduler();
  await cluster.create(newPod("web", { cpu: "2" }));
  const message =
    "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. " +
    "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
  const waiting = await cluster.pod("web", (pod) => conditionOf(pod)?.status === "False");
  assert.equal(conditionOf(waiting)?.reason, "Unschedulable");
  assert.equal(conditionOf(waiting)?.message, message);
  assert.equal((await eventOf(cluster, "web", "FailedScheduling")).message, message);
  await cluster.addNode("large", { cpu: "8" });
  assert.equal((await bound(cluster, "web")).spec!.nodeName, "large");
});

test("scheduler waits for the first node", async () => {
  await using cluster = await startSchedulerCluster();
  cluster.startScheduler();
  await cluster.create(newPod("web"));
  const waiting = await cluster.pod("web", (pod) => conditionOf(pod)?.status === "False");
  assert.equal(conditionOf(waiting)?.message, "no nodes available to schedule pods");
  await cluster.addNode("a");
  await bound(cluster, "web");
});

test("scheduler places a pod when its node is uncordoned, untainted or labelled", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { unschedulable: true });
  await cluster.addNode("b", { taints: [{ key: "k", effect: "NoExecute" }] });
  await cluster.addNode("c");
  cluster.startScheduler();
  for (const name of ["a", "b"]) await cluster.create(newPod(name, { spec: onHost(name) }));
  await cluster.create(newPod("c", { spec: { nodeSelector: { disk: "ssd" } } }));
  for (const name of ["a", "b", "c"]) await cluster.pod(name, (pod) => conditionOf(pod)?.status === "False");
  const patches = {
    a: { spec: { unschedulable: null } },
    b: { spec: { taints: null } },
    c: { metadata: { labels: { disk: "ssd" } } },
  };
  for (const [name, body] of Object.entries(patches)) {
    await cluster.client.patch(Nodes, { name }, { type: "merge", body }, cluster.signal);
    assert.equal((await bound(cluster, name)).spec!.nodeName, name);
  }
});

test("scheduler keeps pods together and apart as they ask", async () => {
  await using cluster = await startSchedulerCluster();
  for (const name of ["a", "b", "c"]) await cluster.addNode(name);
  cluster.startScheduler();
  const labels = { app: "db" };
  const term = { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" };
  const apart = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const together = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await cluster.create(newPod("early", { spec: { affinity: together } }));
  await cluster.pod("early", (pod) => conditionOf(pod)?.status === "False");
  for (const name of ["db-0", "db-1", "db-2", "db-3"])
    await cluster.create(newPod(name, { labels, spec: { affinity: apart } }));
  await cluster.until("three databases are bound", () => cluster.boundPods("db-").length === 3);
  assert.equal(new Set(cluster.boundPods("db-").map(({ spec }) => spec!.nodeName)).size, 3);
  const fourth = await cluster.until("the fourth waits", () =>
    cluster.pods().find((pod) => conditionOf(pod)?.message?.includes("anti-affinity")),
  );
  assert.match(
    conditionOf(fourth)!.message!,
    /^0\/3 nodes are available: 3 node\(s\) didn't match pod anti-affinity rules\./,
  );
  await bound(cluster, "early");
  await cluster.client.delete(Pods, cluster.boundPods("db-")[0]!.metadata, cluster.signal, {
    gracePeriodSeconds: 0,
  });
  await bound(cluster, fourth.metadata.name);
});

test("scheduler keeps zones even", async () => {
  await using cluster = await startSchedulerCluster();
  for (const [name, zone] of [
    ["a1", "a"],
    ["a2", "a"],
    ["b1", "b"],
  ] as const)
    await cluster.addNode(name, { labels: { "topology.kubernetes.io/zone": zone } });
  cluster.startScheduler();
  const labels = { app: "web" };
  const spread = {
    maxSkew: 1,
    topologyKey: "topology.kubernetes.io/zone",
    whenUnsatisfiable: "DoNotSchedule" as const,
    labelSelector: { matchLabels: labels },
  };
  for (let i = 0; i < 6; i++)
    await cluster.create(newPod(`web-${i}`, { labels, spec: { topologySpreadConstraints: [spread] } }));
  await cluster.until("all are bound", () => cluster.boundPods("web-").length === 6);
  assert.equal(cluster.boundPods("web-").filter(({ spec }) => spec!.nodeName === "b1").length, 3);
});

test("scheduler tries the most important pods first", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "2" });
  for (const [name, priority] of [
    ["low", 1],
    ["high", 100],
    ["mid", 50],
  ] as const)
    await cluster.create(newPod(name, { cpu: "1", priority }));
  cluster.startScheduler();
  await bound(cluster, "high");
  await bound(cluster, "mid");
  const low = await cluster.pod("low", (pod) => conditionOf(pod)?.status === "False");
  assert.equal(
    conditionOf(low)?.message,
    "0/1 nodes are available: 1 Insufficient cpu. " +
      "no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  );
});

test("scheduler leaves a gated pod alone until its gates are gone", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  cluster.startScheduler();
  await cluster.create(newPod("gated", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }));
  await cluster.create(newPod("free"));
  await bound(cluster, "free");
  const gated = cluster.pods().find(({ metadata }) => metadata.name === "gated")!;
  assert.equal(gated.spec!.nodeName, undefined);
  assert.equal(conditionOf(gated)?.reason, "SchedulingGated");
  const body = { spec: { schedulingGates: [] } };
  await cluster.client.patch(Pods, gated.metadata, { type: "merge", body }, cluster.signal);
  await bound(cluster, "gated");
});

test("scheduler sends less important pods away, gently, and waits for them on the node it promised", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "2" });
  cluster.startScheduler();
  await cluster.create(newPod("keep", { cpu: "1", priority: 50 }));
  await cluster.create(newPod("low", { cpu: "1", priority: 1, spec: { terminationGracePeriodSeconds: 30 } }));
  await bound(cluster, "keep");
  await bound(cluster, "low");
  await cluster.create(newPod("high", { cpu: "1", priority: 100 }));
  const waiting = await cluster.pod("high", (pod) => pod.status?.nominatedNodeName === "a");
  assert.equal(waiting.spec!.nodeName, undefined);
  const victim = await cluster.pod("low", ({ metadata }) => metadata.deletionTimestamp !== undefined);
  const target = victim.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.equal(target?.reason, "PreemptionByScheduler");
  assert.equal(target?.message, "default-scheduler: preempting to accommodate a higher priority pod");
  const event = await eventOf(cluster, "low", "Preempted");
  assert.equal(event.message, `Preempted by pod ${waiting.metadata.uid!} on node a`);
  // the promise holds against less important newcomers while the victim goes
  await cluster.create(newPod("late", { cpu: "1", priority: 10 }));
  await cluster.pod("late", (pod) => conditionOf(pod)?.status === "False");
  await cluster.client.delete(Pods, victim.metadata, cluster.signal, { gracePeriodSeconds: 0 });
  assert.equal((await bound(cluster, "high")).spec!.nodeName, "a");
  assert.equal(
    cluster.pods().some(({ metadata }) => metadata.name === "keep"),
    true,
  );
});

test("scheduler sends nobody away for a pod that must not preempt", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  cluster.startScheduler();
  await cluster.create(newPod("low", { cpu: "1", priority: 1 }));
  await bound(cluster, "low");
  await cluster.create(newPod("polite", { cpu: "1", priority: 100, spec: { preemptionPolicy: "Never" } }));
  const polite = await cluster.pod("polite", (pod) => conditionOf(pod)?.status === "False");
  assert.equal(
    conditionOf(polite)?.message,
    "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
  );
});

test("scheduler gives the room back when a pod is deleted while it is being bound", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const holdUp = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const slow: Plugin = {
    name: "Slow",
    async preBind(_state, { pod }) {
      if (pod.metadata.name !== "doomed") return undefined;
      reached.resolve();
      await holdUp.promise;
      return undefined;
    },
  };
  cluster.startScheduler({ plugins: [{ plugin: slow, weight: 0 }] });
  const doomed = await cluster.create(newPod("doomed", { cpu: "1" }));
  await reached.promise;
  await cluster.create(newPod("next", { cpu: "1" }));
  await cluster.client.delete(Pods, doomed.metadata, cluster.signal, { gracePeriodSeconds: 0 });
  holdUp.resolve();
  await bound(cluster, "next");
});

test("scheduler that restarts finishes what another left half-bound", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  await cluster.addNode("b", { cpu: "1" });
  const reserved = new Set<string>();
  const reached = Promise.withResolvers<void>();
  const stuck: Plugin = {
    name: "Stuck",
    preBind(_state, { uid }, _node, signal) {
      reserved.add(uid);
      if (reserved.size === 2) reached.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const first = cluster.startScheduler({ plugins: [{ plugin: stuck, weight: 0 }] });
  for (const name of ["one", "two"]) await cluster.create(newPod(name, { cpu: "1" }));
  await reached.promise;
  await first.stop();
  assert.equal(cluster.boundPods("").length, 0);
  cluster.startScheduler();
  const nodes = [await bound(cluster, "one"), await bound(cluster, "two")].map(({ spec }) => spec!.nodeName);
  assert.deepEqual(new Set(nodes), new Set(["a", "b"]));
});

test("scheduler keeps a promise that another one made", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const promised = await cluster.create(newPod("promised", { cpu: "1", priority: 5 }));
  const status = { status: { nominatedNodeName: "a" } };
  const patch = { type: "merge", body: status } as const;
  await cluster.client.patch(Pods, promised.metadata, patch, cluster.signal, { subresource: "status" });
  cluster.startScheduler();
  await bound(cluster, "promised");
});

test("scheduler tries again after a binding was refused", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  let bindings = 0;
  const { transport } = cluster;
  const refusesOnce: Transport = {
    watch: (request, signal) => transport.watch(request, signal),
    stream: (request, signal) => transport.stream(request, signal),
    request(request, signal) {
      if (!request.path.endsWith("/binding") || bindings++ > 0) return transport.request(request, signal);
      return Promise.reject(conflict({ group: "", resource: "pods/binding" }, "web", "somebody was faster"));
    },
  };
  cluster.startScheduler({ client: newClient(refusesOnce) });
  await cluster.create(newPod("web"));
  const failed = await cluster.pod("web", (pod) => conditionOf(pod)?.reason === "SchedulerError");
  assert.match(
    conditionOf(failed)!.message!,
    /^binding rejected: running Bind plugin "DefaultBinder": Operation cannot be fulfilled on pods\/binding "web"/,
  );
  await bound(cluster, "web");
  assert.equal(bindings, 2);
});

test("scheduler counts what it does under upstream's names", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a", { cpu: "1" });
  const metrics = new Metrics(schedulerMetrics);
  cluster.startScheduler({ metrics });
  await cluster.create(newPod("web", { cpu: "1" }));
  await bound(cluster, "web");
  await cluster.create(newPod("late", { cpu: "1" }));
  await cluster.pod("late", (pod) => conditionOf(pod)?.status === "False");
  const text = await metrics.expose();
  for (const line of [
    'scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 1',
    'scheduler_schedule_attempts_total{result="unschedulable",profile="default-scheduler"} 1',
    'scheduler_pending_pods{queue="unschedulable"} 1',
    "scheduler_preemption_attempts_total 1",
    ...["PreFilter", "Filter", "Reserve", "Permit", "PreBindPreFlight", "Bind", "PostBind"].map(
      (point) =>
        `scheduler_framework_extension_point_duration_seconds_count{extension_point="${point}",status="${point === "PreBindPreFlight" ? "Skip" : "Success"}",profile="default-scheduler"} 1`,
    ),
    'scheduler_plugin_execution_duration_seconds_count{plugin="DynamicResources",extension_point="PreFilter",status="Skip"} 1',
    'scheduler_get_node_hint_duration_seconds_count{hinted="no_hint",profile="default-scheduler"} 2',
    'scheduler_store_schedule_results_duration_seconds_count{profile="default-scheduler"} 1',
    'scheduler_inflight_events{event="PodPopped"}',
    "# HELP scheduler_schedule_attempts_total [STABLE] ",
  ])
    assert.ok(text.includes(line), `${line} is missing`);
});

test("scheduler has a volume made on the node of the first pod that uses it, and keeps later pods there", async () => {
  await using cluster = await startTestCluster({ nodes: 3 });
  const { client, signal } = cluster;
  const ref = { namespace: "default", name: "data" };
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  await client.create(StorageClasses, waitingClass, signal);
  await client.create(Pods, newPod("first", { spec: { volumes } }), signal);
  const waiting = await cluster.waitFor(Pods, { ...ref, name: "first" }, isRefused);
  assert.match(
    conditionOf(waiting)!.message!,
    /^0\/3 nodes are available: persistentvolumeclaim "data" not found\. no new claims to deallocate, preemption: 0\/3 nodes are available/,
  );
  const resources = { requests: { storage: "1Gi" } };
  const spec = { accessModes: ["ReadWriteOnce"], storageClassName: waitingClass.metadata.name, resources };
  await client.create(
    PersistentVolumeClaims,
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: ref, spec },
    signal,
  );
  const first = await cluster.waitFor(Pods, { ...ref, name: "first" }, hasNode);
  const claim = await cluster.waitFor(
    PersistentVolumeClaims,
    ref,
    (object) => object?.status?.phase === "Bound",
  );
  const selected = claim.metadata.annotations?.["volume.kubernetes.io/selected-node"];
  assert.equal(selected, first.spec!.nodeName);
  await client.create(Pods, newPod("second", { spec: { volumes } }), signal);
  const second = await cluster.waitFor(Pods, { ...ref, name: "second" }, hasNode);
  assert.equal(second.spec!.nodeName, selected);
});

test("schedulers of different names each take their own pods", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("a");
  cluster.startScheduler();
  await cluster.create(newPod("other", { spec: { schedulerName: "my-scheduler" } }));
  await cluster.create(newPod("default"));
  await bound(cluster, "default");
  assert.equal(cluster.boundPods("").length, 1);
  cluster.startScheduler({ schedulerName: "my-scheduler" });
  await bound(cluster, "other");
});

test("scheduler asks a user's plugin", async () => {
  await using cluster = await startSchedulerCluster();
  await cluster.addNode("old", { labels: { "example.com/rack": "1" } });
  await cluster.addNode("new", { labels: { "example.com/rack": "2" } });
  const rack: Plugin = {
    name: "Rack",
    filter(_state, { pod }, node) {
      const wanted = pod.metadata.annotations?.["example.com/rack"];
      if (wanted === undefined || node.labels["example.com/rack"] === wanted) return undefined;
      return unschedulable("Rack", "node(s) were in another rack");
    },
    queueingHint: ({ resource }) => resource === "Node",
  };
  cluster.startScheduler({ plugins: [{ plugin: rack, weight: 0 }] });
  await cluster.create(newPod("web", { annotations: { "example.com/rack": "2" } }));
  assert.equal((await bound(cluster, "web")).spec!.nodeName, "new");
  await cluster.create(newPod("lost", { annotations: { "example.com/rack": "3" } }));
  const lost = await cluster.pod("lost", (pod) => conditionOf(pod)?.status === "False");
  assert.match(conditionOf(lost)!.message!, /^0\/2 nodes are available: 2 node\(s\) were in another rack\./);
  await cluster.addNode("third", { labels: { "example.com/rack": "3" } });
  await bound(cluster, "lost");
});

const waitingClass: StorageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "waiting" },
  provisioner: "k8ts.io/local-path",
  volumeBindingMode: "WaitForFirstConsumer",
};

function hasNode(pod: Pod | undefined): boolean {
  return (pod?.spec?.nodeName ?? "") !== "";
}

function isRefused(pod: Pod | undefined): boolean {
  return pod !== undefined && conditionOf(pod)?.status === "False";
}

function onHost(name: string): Partial<PodSpec> {
  return { nodeSelector: { "kubernetes.io/hostname": name } };
}

function bound(cluster: SchedulerCluster, name: string): Promise<Pod> {
  return cluster.pod(name, ({ spec }) => (spec?.nodeName ?? "") !== "");
}

function conditionOf(pod: Pod) {
  return pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
}

function eventOf(cluster: SchedulerCluster, pod: string, reason: string): Promise<Event> {
  return cluster.until(`the event ${reason} of ${pod}`, () =>
    cluster.informers
      .lister(Events)
      .list()
      .find((event) => event.involvedObject.name === pod && event.reason === reason),
  );
}
