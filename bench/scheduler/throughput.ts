/** Pods per second from created to bound, through the API. @module */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { report, round } from "#bench";
import { Pods } from "#api/core/v1/pod";
import { churn, deletePods } from "./churn.ts";
import { startBenchCluster, type BenchCluster, type StoreName } from "./cluster.ts";
import { nodeName } from "./nodes.ts";
import type { FirstPods, Workload } from "./workload.ts";

/** Enough to measure the API's own pace. */
const LIMIT_PODS = 2_000;
const MEASURED = "sched-1";

/** The limit is the same creates and binds by the same client with nobody to choose a node. */
export async function measureThroughput(workload: Workload, storeName: StoreName): Promise<void> {
  const { name, measurePods, measured, peer, target } = workload;
  await using cluster = await startBenchCluster(storeName);
  await cluster.createNodes(workload);
  if (workload.hasService === true) await cluster.createService(MEASURED);
  await cluster.startScheduler();
  await createFirst(cluster, workload);
  const namespace = workload.initNamespaces === undefined ? MEASURED : "measure-ns-0";
  if (measured.volume !== undefined) await cluster.createClaims(measured, measurePods, namespace);
  const stop = new AbortController();
  const beside = startBeside(cluster, workload, stop.signal);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await cluster.createPods(measured, measurePods, namespace);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  stop.abort();
  await Promise.all(beside);
  delay.disable();
  await cluster.stopScheduler();
  const limit = await measureLimit(cluster, workload, namespace);
  report({
    name: `scheduler/${name}, ${storeName}`,
    value: Math.round(measurePods / seconds),
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
  const { first = [], initNamespaces } = workload;
  if (initNamespaces !== undefined) await cluster.createNamespaces(initNamespaces);
  for (const { template, count, namespace = "sched-0", isBound } of first) {
    if (template.volume !== undefined) await cluster.createClaims(template, count, namespace);
    if (isBound === false) await cluster.createPodsOnly(template, count, namespace);
    else if (initNamespaces === undefined) await cluster.createPods(template, count, namespace);
    else {
      const share = Math.ceil(count / initNamespaces);
      for (let i = 0; i < initNamespaces && i * share < count; i++)
        await cluster.createPods(template, Math.min(share, count - i * share), `init-ns-${i}`);
    }
  }
}

/** What goes on while pods are measured. */
function startBeside(
  { client }: BenchCluster,
  { churn: churned, first = [] }: Workload,
  signal: AbortSignal,
): readonly Promise<void>[] {
  const deletions = first.map(({ template, count, namespace = "sched-0", deletedPerSecond }: FirstPods) => {
    if (deletedPerSecond === undefined) return Promise.resolve();
    const names = Array.from({ length: count }, (_, i) => `${template.generateName}${i}`);
    return deletePods(client, names, namespace, deletedPerSecond, signal);
  });
  return churned === undefined ? deletions : [...deletions, churn(client, churned, signal)];
}

async function measureLimit(cluster: BenchCluster, workload: Workload, namespace: string): Promise<number> {
  const { client } = cluster;
  const { signal } = new AbortController();
  const { volume: _, ...withoutVolume } = workload.measured;
  const template = { ...withoutVolume, generateName: "limit-" };
  const start = performance.now();
  await cluster.createPods(template, LIMIT_PODS, namespace, async ({ metadata }, i) => {
    const { name, namespace: own = "", uid = "" } = metadata;
    const target = { apiVersion: "v1", kind: "Node", name: nodeName(i, workload) };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace: own, uid }, target };
    await client.createSubresource(Pods, { namespace: own, name }, "binding", binding, signal);
  });
  return Math.round((LIMIT_PODS * 1_000) / (performance.now() - start));
}
