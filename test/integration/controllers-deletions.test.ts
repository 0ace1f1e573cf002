/** Others delete what belongs to a StatefulSet or a Job while it is at work, and caches lag. @module */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isNotFound, type Kind, type KubeObject } from "#apimachinery";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { Jobs } from "#api/batch/v1/job";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { isPodActive, isPodReady } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { startFaultyCluster, type FaultyCluster } from "./faulty-cluster.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const LAG_MAX_MS = 400;
const DELETIONS = 12;
/** A Job waits 10 s after its first failure, and twice as long after each further one. */
const JOB_TIME_FACTOR = 25;

const kinds = [
  Pods,
  StatefulSets,
  ControllerRevisions,
  PersistentVolumeClaims,
  Jobs,
] as unknown as readonly Kind[];
const labels = { app: "web" };
const ref = { namespace: "default", name: "web" };
const KEY = "default/web";

function list<T extends KubeObject>({ informers }: FaultyCluster, kind: Kind<T>): readonly T[] {
  return informers.lister(kind).list("default");
}

/** Whoever came first: the object may be gone. */
async function remove(
  { client, signal }: FaultyCluster,
  kind: unknown,
  { metadata }: KubeObject,
): Promise<void> {
  await client.delete(kind as Kind, metadata, signal).catch((err: unknown) => {
    if (!isNotFound(err)) throw err;
  });
}

const imageOf = ({ spec }: Pod): string => spec?.containers[0]?.image ?? "";
const isOrdinal = ({ metadata }: Pod): boolean => /^web-[012]$/.test(metadata.name);
const isHeld = ({ metadata }: KubeObject): boolean => (metadata.finalizers ?? []).length > 0;

const statefulSet = (image: string): KubeObject =>
  ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: ref,
    spec: {
      replicas: 3,
      serviceName: "web",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image }] } },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
    },
  }) as unknown as KubeObject;

async function startJob(cluster: FaultyCluster): Promise<void> {
  const template = { spec: { containers: [{ name: "c", image: "v1" }], restartPolicy: "Never" } };
  const spec = { completions: 6, parallelism: 3, backoffLimit: 10, template };
  cluster.kubelet.pause();
  const job = { apiVersion: "batch/v1", kind: "Job", metadata: ref, spec } as const;
  await cluster.client.create(Jobs, job, cluster.signal);
}

/** Three pods that run nothing yet: the first is deleted as anybody would, the second without its finalizer. */
async function loseTwo(cluster: FaultyCluster): Promise<void> {
  const { client, signal } = cluster;
  cluster.kubelet.pause();
  const active = (): readonly Pod[] => list(cluster, Pods).filter(isPodActive);
  await cluster.until("three pods wait", kinds, () => active().length === 3);
  const [counted, lost] = active() as [Pod, Pod];
  await remove(cluster, Pods, counted);
  const body = { metadata: { finalizers: null } };
  await client.patch(Pods, lost.metadata, { type: "merge", body }, signal);
  await remove(cluster, Pods, lost);
}

suite("while others delete what controllers have made", { concurrency: true }, () => {
  test("a StatefulSet comes to have its pods, claims and revisions again", async () => {
    await using cluster = await startFaultyCluster(SEED, LAG_MAX_MS, kinds);
    const { client, clock, informers, random, signal } = cluster;
    await client.create(StatefulSets, statefulSet("v1") as never, signal);
    const isAt = (image: string) => (): boolean => {
      const { status } = informers.lister(StatefulSets).get(KEY) ?? {};
      const pods = list(cluster, Pods);
      const isRight = pods.length === 3 && pods.every((pod) => isPodReady(pod) && imageOf(pod) === image);
      const claims = list(cluster, PersistentVolumeClaims);
      const hasClaims =
        claims.length === 3 && claims.every((one) => one.metadata.deletionTimestamp === undefined);
      const revision = list(cluster, ControllerRevisions).find(
        (one) => one.metadata.name === status?.updateRevision,
      );
      const isTold = status?.readyReplicas === 3 && status.currentRevision === status.updateRevision;
      return isRight && hasClaims && isTold && revision !== undefined;
    };
    await cluster.until("v1 runs", kinds, isAt("v1"));
    const body = { spec: { template: { spec: { containers: [{ name: "c", image: "v2" }] } } } };
    await client.patch(StatefulSets, ref, { type: "strategic", body }, signal);
    for (let i = 0; i < DELETIONS; i++) {
      const kind = [Pods, PersistentVolumeClaims, ControllerRevisions][i % 3] as unknown as Kind;
      const all = list(cluster, kind);
      if (all.length > 0) await remove(cluster, kind, all[Math.floor(random() * all.length)]!);
      assert.ok(list(cluster, Pods).every(isOrdinal), `seed ${SEED}`);
      await clock.sleep(random() * 500, signal);
    }
    // A claim that is deleted waits for the pod that uses it.
    for (const claim of list(cluster, PersistentVolumeClaims)) {
      const pod = informers.lister(Pods).get(`default/${claim.metadata.name.slice("data-".length)}`);
      if (claim.metadata.deletionTimestamp !== undefined && pod !== undefined)
        await remove(cluster, Pods, pod);
    }
    await cluster.until("v2 runs", kinds, isAt("v2"));
  });

  test("a Job counts the pods that were deleted, makes others, and is complete", async () => {
    await using cluster = await startFaultyCluster(SEED, LAG_MAX_MS, kinds, { timeFactor: JOB_TIME_FACTOR });
    const job = () => cluster.informers.lister(Jobs).get(KEY)?.status;
    const made = new Set<string>();
    cluster.informers
      .informer(Pods)
      .addEventHandler({ onAdd: ({ metadata }) => void made.add(metadata.uid!) });
    await startJob(cluster);
    for (let round = 1; round <= 2; round++) {
      await loseTwo(cluster);
      await cluster.until("the one that had its finalizer is counted", kinds, () => job()?.failed === round);
    }
    cluster.kubelet.resume();
    await cluster.until("it is complete", kinds, () =>
      Boolean(job()?.conditions?.some(({ type }) => type === "Complete")),
    );
    // Who takes the finalizer away hides the pod's end from the Job: it is neither failed nor succeeded.
    const { succeeded, failed, uncountedTerminatedPods } = job()!;
    assert.deepEqual([succeeded, failed, uncountedTerminatedPods, made.size], [6, 2, {}, 10], `seed ${SEED}`);
    await cluster.until("no pod is held", kinds, () => !list(cluster, Pods).some(isHeld));
    assert.equal(list(cluster, Pods).length, 6, `seed ${SEED}`);
  });
});
