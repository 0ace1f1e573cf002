import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import { releasedVolumes } from "#api/core/v1/local-path-volumes";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { VolumeAttributesClass } from "#api/storage/v1/types.gen";
import { VolumeAttributesClasses } from "#api/storage/v1/volumeattributesclass";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { Secrets } from "#api/core/v1/secret";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  PersistentVolumeClaims,
  PersistentVolumes,
  StorageClasses,
  VolumeAttributesClasses,
  StatefulSets,
  Nodes,
  Pods,
  ResourceQuotas,
  Secrets,
] as unknown as Kind[];
const namespace = "default";

function claimOf(cluster: Cluster, name: string): PersistentVolumeClaim | undefined {
  return cluster.informers.lister(PersistentVolumeClaims).get(`${namespace}/${name}`);
}

function volumeOf(cluster: Cluster, name: string | undefined): PersistentVolume | undefined {
  return cluster.informers.lister(PersistentVolumes).get(name ?? "");
}

function bound(cluster: Cluster, name: string): Promise<PersistentVolumeClaim> {
  return cluster.until(`${name} is bound`, WATCHED, () => {
    const claim = claimOf(cluster, name);
    const volume = volumeOf(cluster, claim?.spec?.volumeName);
    return claim?.status?.phase === "Bound" && volume?.status?.phase === "Bound" && claim;
  });
}

function newClaim(
  name: string,
  spec: Partial<NonNullable<PersistentVolumeClaim["spec"]>>,
): PersistentVolumeClaim {
  const resources = { requests: { storage: "1Gi" } };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace },
    spec: { accessModes: ["ReadWriteOnce"], resources, ...spec },
  };
}

function newVolume(name: string, storage: string): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "manual",
      hostPath: { path: `/tmp/${name}` },
    },
  };
}

test("a claim is bound to a volume of the same class, and the volume is released with it", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal } = cluster;
  for (const [name, size] of [
    ["small", "512Mi"],
    ["large", "5Gi"],
    ["right", "2Gi"],
  ] as const)
    await client.create(PersistentVolumes, newVolume(name, size), signal);
  await cluster.until(
    "volumes are available",
    WATCHED,
    () => volumeOf(cluster, "right")?.status?.phase === "Available",
  );
  await client.create(PersistentVolumeClaims, newClaim("data", { storageClassName: "manual" }), signal);
  const claim = await bound(cluster, "data");
  assert.deepEqual([claim.spec?.volumeName, claim.status?.capacity], ["right", { storage: "2Gi" }]);
  await client.delete(PersistentVolumeClaims, { name: "data", namespace }, signal);
  await cluster.until(
    "the volume is released",
    WATCHED,
    () => volumeOf(cluster, "right")?.status?.phase === "Released",
  );
  assert.deepEqual(cluster.errors, []);
});

test("a stateful set gets storage of the default class, which outlives its pods and goes with the claim", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  await cluster.until("there is a default class", WATCHED, () =>
    informers.lister(StorageClasses).get("standard"),
  );
  const labels = { app: "db" };
  const container = { name: "db", image: "v1", volumeMounts: [{ name: "data", mountPath: "/data" }] };
  const metadata = { name: "db", namespace };
  await client.create(
    StatefulSets,
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
        volumeClaimTemplates: [{ ...newClaim("data", {}), metadata: { name: "data" } }],
      },
    },
    signal,
  );
  const claim = await bound(cluster, "data-db-1");
  const name = claim.spec!.volumeName!;
  assert.equal(volumeOf(cluster, name)?.spec?.hostPath?.path, `/var/lib/k8ts/local-path/${name}`);

  await client.delete(PersistentVolumeClaims, claim.metadata, signal);
  const held = await cluster.until("the claim is to go", WATCHED, () => {
    const found = claimOf(cluster, "data-db-1");
    return found?.metadata.deletionTimestamp !== undefined && found;
  });
  assert.deepEqual(held.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
  await client.patch(StatefulSets, metadata, { type: "merge", body: { spec: { replicas: 1 } } }, signal);
  await cluster.until(
    "claim and volume are gone",
    WATCHED,
    () => claimOf(cluster, "data-db-1") === undefined && volumeOf(cluster, name) === undefined,
  );
  assert.equal(claimOf(cluster, "data-db-0")?.status?.phase, "Bound");
  const told = await cluster.until("the node is told", WATCHED, () =>
    informers
      .lister(Nodes)
      .list()
      .find((node) => releasedVolumes(node).length > 0),
  );
  assert.deepEqual(releasedVolumes(told), [name]);
  assert.deepEqual(cluster.errors, []);
});

test("a VolumeAttributesClass stays while a claim names it", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  const metadata = { name: "gold" };
  const vac = { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttributesClass", metadata } as const;
  const parameters = { iops: "1000" };
  const made = await client.create(
    VolumeAttributesClasses,
    { ...vac, driverName: "d.example.com", parameters },
    signal,
  );
  assert.deepEqual(made.metadata.finalizers, ["kubernetes.io/vac-protection"]);
  const claim = newClaim("data", { storageClassName: "none", volumeAttributesClassName: "gold" });
  await client.create(PersistentVolumeClaims, claim, signal);
  await cluster.until("the claim is seen", WATCHED, () => claimOf(cluster, "data"));
  await client.delete(VolumeAttributesClasses, metadata, signal);
  const classOf = (name: string): VolumeAttributesClass | undefined =>
    informers.lister(VolumeAttributesClasses).get(name);
  await cluster.until(
    "the class is to go",
    WATCHED,
    () => classOf("gold")?.metadata.deletionTimestamp !== undefined,
  );
  // by the time another one has come and gone, this one was looked at
  const other = { ...vac, metadata: { name: "tin" }, driverName: "d.example.com", parameters };
  await client.create(VolumeAttributesClasses, other, signal);
  await cluster.until("an unused class is seen", WATCHED, () => classOf("tin"));
  await client.delete(VolumeAttributesClasses, other.metadata, signal);
  await cluster.until("the unused class is gone", WATCHED, () => classOf("tin") === undefined);
  assert.notEqual(classOf("gold"), undefined);
  await client.delete(PersistentVolumeClaims, claim.metadata, signal);
  await cluster.until("the class is gone", WATCHED, () => classOf("gold") === undefined);
  assert.deepEqual(cluster.errors, []);
});

test("a quota tells what is used of it", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  const metadata = { name: "quota", namespace };
  const spec = { hard: { "count/secrets": "5", "requests.storage": "10Gi", pods: "3" } };
  await client.create(ResourceQuotas, { apiVersion: "v1", kind: "ResourceQuota", metadata, spec }, signal);
  const uses = (secrets: string, storage: string): Promise<true> =>
    cluster.until(`it counts ${secrets} and ${storage}`, WATCHED, () => {
      const { used } = informers.lister(ResourceQuotas).get("default/quota")?.status ?? {};
      return (
        used?.["count/secrets"] === secrets && used["requests.storage"] === storage && used["pods"] === "0"
      );
    });
  await uses("0", "0");
  await client.create(
    Secrets,
    { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace } },
    signal,
  );
  await client.create(PersistentVolumeClaims, newClaim("data", {}), signal);
  await uses("1", "1Gi");
  await client.delete(Secrets, { name: "s", namespace }, signal);
  await uses("0", "1Gi");
  assert.deepEqual(cluster.errors, []);
});
