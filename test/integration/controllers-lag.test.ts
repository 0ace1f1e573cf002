/** Each kind of workload, with caches that are seconds late and a conflict at every second write. @module */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatTime, type Kind, type KubeObject } from "#apimachinery";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { isPodActive, isPodReady } from "#api/core/v1/pod-state";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { Pod } from "#api/core/v1/types.gen";
import { newNode } from "./controllers-cluster.ts";
import { everySecondWrite, startFaultyCluster, type FaultyCluster } from "./faulty-cluster.ts";

const SEED = Number(process.env["SEED"] ?? 1);
/** A watch of an API server under load may be that late. */
const LAG_MAX_MS = 3_000;

const workloads = [
  Deployments,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
  DaemonSets,
  Jobs,
  CronJobs,
];
const kinds = [Pods, ...workloads] as unknown as readonly Kind[];
const labels = { app: "web" };
const selector = { matchLabels: labels };
const ref = { namespace: "default", name: "web" };
const KEY = "default/web";
const NODES = ["node-1", "node-2", "node-3"];
const containers = (image: string): object => ({ containers: [{ name: "c", image }] });
const template = (image: string): object => ({ metadata: { labels }, spec: containers(image) });
const jobTemplate = { spec: { ...containers("v1"), restartPolicy: "Never" } };

const newCluster = (): Promise<FaultyCluster> =>
  startFaultyCluster(SEED, LAG_MAX_MS, kinds, { refuses: everySecondWrite() });

async function create(
  { client, signal }: FaultyCluster,
  kind: unknown,
  apiVersion: string,
  spec: object,
): Promise<void> {
  const made = kind as Kind;
  const object = { apiVersion, kind: made.kind, metadata: ref, spec } as unknown as KubeObject;
  await client.create(made, object, signal);
}

async function change({ client, signal }: FaultyCluster, kind: unknown, spec: object): Promise<void> {
  await client.patch(kind as Kind, ref, { type: "merge", body: { spec } }, signal);
}

const podsOf = ({ informers }: FaultyCluster): readonly Pod[] => informers.lister(Pods).list("default");
const imageOf = ({ spec }: Pod): string => spec?.containers[0]?.image ?? "";

/** The most pods that were active at a time. */
function mostActive(cluster: FaultyCluster): () => number {
  let most = 0;
  const look = (): void => void (most = Math.max(most, podsOf(cluster).filter(isPodActive).length));
  cluster.informers.informer(Pods).addEventHandler({ onAdd: look, onUpdate: look, onDelete: look });
  return () => most;
}

const runs = (cluster: FaultyCluster, count: number, image: string) => (): boolean => {
  const pods = podsOf(cluster);
  return pods.length === count && pods.every((pod) => imageOf(pod) === image && isPodReady(pod));
};

suite("with caches that lag by seconds and conflicts at every second write", { concurrency: true }, () => {
  for (const [kind, apiVersion, own] of [
    [ReplicaSets, "apps/v1", selector],
    [ReplicationControllers, "v1", labels],
  ] as const)
    test(`a ${kind.kind} has as many pods as it is told, never more`, async () => {
      await using cluster = await newCluster();
      const most = mostActive(cluster);
      await create(cluster, kind, apiVersion, { replicas: 5, selector: own, template: template("v1") });
      await cluster.until("five run", kinds, runs(cluster, 5, "v1"));
      await change(cluster, kind, { replicas: 2 });
      await cluster.until("two run", kinds, runs(cluster, 2, "v1"));
      await change(cluster, kind, { replicas: 6 });
      await cluster.until("six run", kinds, runs(cluster, 6, "v1"));
      assert.equal(most(), 6, `seed ${SEED}`);
    });

  test("a Deployment is rolled out and back within its bounds, and counts its revisions", async () => {
    await using cluster = await newCluster();
    // How many pods there are is the ReplicaSets' doing, which are late themselves: they may be asked for no more.
    const sets = cluster.informers.lister(ReplicaSets);
    const asked: number[] = [];
    const note = (): void =>
      void asked.push(sets.list("default").reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0));
    cluster.informers.informer(ReplicaSets).addEventHandler({ onAdd: note, onUpdate: note });
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    await create(cluster, Deployments, "apps/v1", {
      replicas: 3,
      selector,
      strategy,
      template: template("v1"),
    });
    await cluster.until("v1 runs", kinds, runs(cluster, 3, "v1"));
    for (const image of ["v2", "v1"]) {
      await change(cluster, Deployments, { template: { spec: containers(image) } });
      await cluster.until(`${image} runs`, kinds, runs(cluster, 3, image));
    }
    const revision = (): string | undefined =>
      cluster.informers.lister(Deployments).get(KEY)?.metadata.annotations?.[
        "deployment.kubernetes.io/revision"
      ];
    await cluster.until("the revision is told", kinds, () => revision() === "3");
    assert.equal(sets.list("default").length, 2);
    assert.equal(Math.max(...asked), 4, `seed ${SEED}`);
  });

  test("a StatefulSet has one pod of each name, and replaces one at a time", async () => {
    await using cluster = await newCluster();
    const most = mostActive(cluster);
    const spec = { replicas: 3, serviceName: "web", selector, template: template("v1") };
    await create(cluster, StatefulSets, "apps/v1", spec);
    await cluster.until("v1 runs", kinds, runs(cluster, 3, "v1"));
    await change(cluster, StatefulSets, { template: { spec: containers("v2") } });
    await cluster.until("v2 runs", kinds, runs(cluster, 3, "v2"));
    await cluster.until("the status tells", kinds, () => {
      const { status } = cluster.informers.lister(StatefulSets).get(KEY) ?? {};
      return status?.readyReplicas === 3 && status.currentRevision === status.updateRevision;
    });
    assert.equal(most(), 3, `seed ${SEED}`);
  });

  test("a DaemonSet has one pod on each node", async () => {
    await using cluster = await newCluster();
    const { client, signal } = cluster;
    for (const name of ["node-2", "node-3"]) await client.create(Nodes, newNode(name), signal);
    // what the node lifecycle controller would take away
    const body = { spec: { taints: null } };
    for (const name of NODES) await client.patch(Nodes, { name }, { type: "merge", body }, signal);
    const most = mostActive(cluster);
    await create(cluster, DaemonSets, "apps/v1", { selector, template: template("v1") });
    await cluster.until("v1 runs", kinds, runs(cluster, 3, "v1"));
    await change(cluster, DaemonSets, { template: { spec: containers("v2") } });
    await cluster.until("v2 runs", kinds, runs(cluster, 3, "v2"));
    const nodes = new Set(podsOf(cluster).map(({ spec }) => spec?.nodeName));
    assert.deepEqual(nodes, new Set(NODES));
    assert.equal(most(), 3, `seed ${SEED}`);
  });

  for (const completionMode of ["NonIndexed", "Indexed"])
    test(`a Job (${completionMode}) makes as many pods as it needs, and counts each once`, async () => {
      await using cluster = await newCluster();
      const most = mostActive(cluster);
      const spec = { completions: 8, parallelism: 3, completionMode, template: jobTemplate };
      await create(cluster, Jobs, "batch/v1", spec);
      const status = () => cluster.informers.lister(Jobs).get(KEY)?.status;
      const isComplete = (): boolean =>
        status()?.conditions?.some(({ type }) => type === "Complete") === true;
      await cluster.until("it is complete", kinds, isComplete);
      const outcome = [status()?.succeeded, status()?.failed, podsOf(cluster).length];
      assert.deepEqual(outcome, [8, undefined, 8], `seed ${SEED}`);
      assert.ok(most() <= 3, `${most()} pods at a time, seed ${SEED}`);
    });

  test("a CronJob makes one Job for each time that has come", async () => {
    await using cluster = await newCluster();
    const { client, clock, informers, signal } = cluster;
    const spec = {
      schedule: "* * * * *",
      concurrencyPolicy: "Forbid",
      suspend: true,
      jobTemplate: { spec: { template: jobTemplate } },
    };
    await create(cluster, CronJobs, "batch/v1", spec);
    const stored = await client.get(CronJobs, ref, signal);
    const lastScheduleTime = formatTime(clock.now() - 90_000);
    await client.updateStatus(CronJobs, { ...stored, status: { lastScheduleTime } }, signal);
    await change(cluster, CronJobs, { suspend: false });
    const jobs = () => informers.lister(Jobs).list("default");
    await cluster.until("two Jobs have ended", kinds, () => {
      const done = jobs().filter(({ status }) => status?.succeeded === 1);
      const active = informers.lister(CronJobs).get(KEY)?.status?.active ?? [];
      return done.length >= 2 && active.length === 0;
    });
    const times = jobs().map(
      ({ metadata }) => metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"],
    );
    assert.equal(new Set(times).size, times.length, `seed ${SEED}`);
    assert.equal(podsOf(cluster).length, times.length, `seed ${SEED}`);
  });
});
