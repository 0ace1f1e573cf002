/** Deployments: one that grows to 1,000 and to 10,000 pods, and a thousand at once. @module */
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { Pods } from "#api/core/v1/pod";
import type { Kind } from "#apimachinery";
import { report, round } from "#bench";
import { inParallel, measureFloor, podSpec, startControllersCluster } from "./cluster.ts";

const NAMES = ["deployment-controller", "replicaset-controller"];
const kinds = [Deployments, ReplicaSets, Pods] as unknown as readonly Kind[];
const FLOOR_PODS = 1_000;
/** A Deployment of one pod is three objects: itself, its ReplicaSet, its pod. */
const OBJECTS_EACH = 3;

function newDeployment(name: string, replicas: number): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: podSpec };
  const metadata = { namespace: "default", name };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata, spec };
}

export async function measureGrowth(steps: readonly number[], targetsMs: readonly number[]): Promise<void> {
  await using cluster = await startControllersCluster(NAMES, kinds);
  const { client, informers, signal } = cluster;
  const floorMs = await measureFloor(cluster, 1, FLOOR_PODS);
  const web = { namespace: "default", name: "web" };
  await client.create(Deployments, newDeployment("web", 0) as never, signal);
  let had = 0;
  for (const [i, replicas] of steps.entries()) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    await client.patch(Deployments, web, { type: "merge", body: { spec: { replicas } } }, signal);
    await cluster.until([Deployments as unknown as Kind], () => {
      const { status } = informers.lister(Deployments).get("default/web") ?? {};
      return status?.replicas === replicas;
    });
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    const more = replicas - had;
    report({
      name: `controllers: a Deployment from ${had} to ${replicas} pods`,
      value: ms,
      unit: "ms",
      limit: { value: floorMs * more, name: "the same pods created by a client" },
      runs: 1,
      also: {
        targetMs: targetsMs[i]!,
        podsPerSecond: round((more * 1_000) / ms),
        cpuSeconds: round((user + system) / 1e6),
      },
    });
    had = replicas;
  }
}

export async function measureMany(count: number): Promise<void> {
  await using cluster = await startControllersCluster(NAMES, kinds);
  const { client, signal } = cluster;
  const floorMs = await measureFloor(cluster, 1, FLOOR_PODS);
  const done = new Set<string>();
  cluster.informers.informer(Deployments).addEventHandler({
    onUpdate: ({ metadata, status }) => {
      if (status?.updatedReplicas === 1) done.add(metadata.name);
    },
  });
  const start = performance.now();
  await inParallel(count, async (i) => {
    await client.create(Deployments, newDeployment(`web-${i}`, 1) as never, signal);
  });
  await cluster.until([Deployments as unknown as Kind], () => done.size === count);
  report({
    name: `controllers: ${count} Deployments of one pod at once`,
    value: performance.now() - start,
    unit: "ms",
    limit: { value: floorMs * count * OBJECTS_EACH, name: `${OBJECTS_EACH} creates by a client for each` },
    runs: 1,
    also: { reconciles: cluster.reconciles() },
  });
}
