import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import { Events } from "#api/core/v1/event";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  StatefulSets,
  Pods,
  ControllerRevisions,
  PersistentVolumeClaims,
  Events,
] as unknown as Kind[];
const metadata = { name: "db", namespace: "default" };
const labels = { app: "db" };

function newSet(replicas: number): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata,
    spec: {
      replicas,
      serviceName: "db",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "db", image: "v1" }] } },
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Delete" },
    },
  };
}

/** Every pod runs `image`, and the status says so. */
function rolledOut(cluster: Cluster, image: string, replicas: number): Promise<StatefulSet> {
  return cluster.until(`${replicas} pods run ${image}`, WATCHED, () => {
    const set = cluster.informers.lister(StatefulSets).get("default/db");
    const { status, metadata: { generation } = {} } = set ?? {};
    const pods = cluster.informers.lister(Pods).list("default");
    const isNew = pods.length === replicas && pods.every((pod) => pod.spec?.containers[0]?.image === image);
    const isCounted = status?.readyReplicas === replicas && status.currentRevision === status.updateRevision;
    return isNew && isCounted && status.observedGeneration === generation && set;
  });
}

test("a stateful set has pods with names and claims of their own, updates them, goes back, and shrinks", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  await client.create(StatefulSets, newSet(2), signal);
  const first = await rolledOut(cluster, "v1", 2);
  const pod = informers.lister(Pods).get("default/db-1");
  assert.deepEqual(
    [pod?.metadata.labels, pod?.spec?.hostname, pod?.spec?.subdomain],
    [
      {
        app: "db",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": first.status?.updateRevision,
        "statefulset.kubernetes.io/pod-name": "db-1",
      },
      "db-1",
      "db",
    ],
  );
  const claim = await cluster.until("the claim is seen", WATCHED, () =>
    informers.lister(PersistentVolumeClaims).get("default/data-db-1"),
  );
  assert.deepEqual(claim.metadata.labels, labels);

  const body = { spec: { template: { spec: { containers: [{ name: "db", image: "v2" }] } } } };
  await client.patch(StatefulSets, metadata, { type: "strategic", body }, signal);
  const second = await rolledOut(cluster, "v2", 2);
  assert.notEqual(second.status?.updateRevision, first.status?.updateRevision);

  const name = first.status!.currentRevision!;
  const { data } = await client.get(ControllerRevisions, { name, namespace: "default" }, signal);
  const undo = { type: "strategic", body: data as Record<string, unknown> } as const;
  await client.patch(StatefulSets, metadata, undo, signal);
  const third = await rolledOut(cluster, "v1", 2);
  assert.equal(third.status?.currentRevision, name);
  const revisions = informers.lister(ControllerRevisions).list("default");
  assert.deepEqual(new Set(revisions.map(({ revision }) => revision)), new Set([2, 3]));

  await client.patch(StatefulSets, metadata, { type: "merge", body: { spec: { replicas: 1 } } }, signal);
  await rolledOut(cluster, "v1", 1);
  await cluster.until(
    "the claim of the pod that went is to go too",
    WATCHED,
    () =>
      informers.lister(PersistentVolumeClaims).get("default/data-db-1") === undefined &&
      informers.lister(PersistentVolumeClaims).get("default/data-db-0") !== undefined,
  );
  const messages = await cluster.until("it is told", WATCHED, () => {
    const told = informers
      .lister(Events)
      .list("default")
      .map(({ reason, message }) => `${reason}: ${message}`);
    return told.some((text) => text.includes("Delete Pod db-1")) && told;
  });
  for (const wanted of [
    "SuccessfulCreate: Create Claim data-db-0 Pod db-0 in StatefulSet db success",
    "SuccessfulCreate: Create Pod db-0 in StatefulSet db successful",
    "SuccessfulDelete: Delete Pod db-1 in StatefulSet db successful",
  ])
    assert.ok(messages.includes(wanted), wanted);
  assert.deepEqual(cluster.errors, []);
});
