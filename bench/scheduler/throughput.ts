/** Pods per second from created to bound, through the API. @module */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { report, round } from "#bench";
import { Pods } from "#api/core/v1/pod";
import { churn } from "./churn.ts";
import { startBenchCluster, type BenchCluster, type StoreName } from "./cluster.ts";
import type { Workload } from "./workloads.ts";

/** Enough to measure the API's own pace. */
const LIMIT_PODS = 2_000;

/** The limit is the same creates and binds by the same client with nobody to choose a node. */
export async function measureThroughput(workload: Workload, storeName: StoreName): Promise<void> {
  const { name, nodes, zones, measurePods, measured, peer, target } = workload;
  await using cluster = await startBenchCluster(storeName);
  await cluster.createNodes(nodes, zones);
  if (workload.isDaemonSet === true) await cluster.taintNodes(nodes);
  await cluster.startScheduler();
  await createFirst(cluster, workload);
  const stopChurn = new AbortController();
  const churning = workload.hasChurn === true ? churn(cluster.client, stopChurn.signal) : undefined;
  if (measured.volume !== undefined) await cluster.createClaims(measured, measurePods, "sched-1");
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await cluster.createPods(measured, measurePods, "sched-1");
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  stopChurn.abort();
  await churning;
  delay.disable();
  await cluster.stopScheduler();
  const limit = await measureLimit(cluster, workload);
  const podsPerSecond = Math.round(measurePods / seconds);
  report({
    name: `scheduler/${name}, ${storeName}`,
    value: podsPerSecond,
    unit: "/s",
    limit: { value: limit, name: "create and bind the same pods with the nodes given" },
    runs: 1,
    also: {
      ...(target !== undefined && { target }),
      ...(peer !== undefined && { peer }),
      failedAttempts: cluster.failedAttempts,
      podsPerCpuSecond: Math.round(measurePods / ((user + system) / 1e6)),
      seconds: round(seconds),
      cpuSeconds: round((user + system) / 1e6),
      eventLoopDelayMsP99: round(delay.percentile(99) / 1e6),
      eventLoopDelayMsMax: round(delay.max / 1e6),
    },
  });
}

async function createFirst(cluster: BenchCluster, workload: Workload): Promise<void> {
  const { init, initPods, initNamespaces, initNeverBound } = workload;
  if (initPods === 0) return;
  if (initNeverBound === true) return cluster.createPodsOnly(init, initPods, "sched-0");
  if (init.volume !== undefined) await cluster.createClaims(init, initPods, "sched-0");
  if (initNamespaces === undefined) return cluster.createPods(init, initPods, "sched-0");
  const { count, labels } = initNamespaces;
  await cluster.createNamespaces(count, labels);
  const share = Math.ceil(initPods / count);
  for (let i = 0; i < count && i * share < initPods; i++)
    await cluster.createPods(init, Math.min(share, initPods - i * share), `init-ns-${i}`);
}

async function measureLimit(cluster: BenchCluster, { measured, nodes }: Workload): Promise<number> {
  const { client } = cluster;
  const { signal } = new AbortController();
  const { volume: _, ...withoutVolume } = measured;
  const template = { ...withoutVolume, generateName: "limit-" };
  const start = performance.now();
  await cluster.createPods(template, LIMIT_PODS, "sched-1", async ({ metadata }, i) => {
    const { name, namespace = "", uid = "" } = metadata;
    const target = { apiVersion: "v1", kind: "Node", name: `scheduler-perf-${i % nodes}` };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace, uid }, target };
    await client.createSubresource(Pods, { namespace, name }, "binding", binding, signal);
  });
  return Math.round((LIMIT_PODS * 1_000) / (performance.now() - start));
}
