import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { Events } from "#api/core/v1/event";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceClaimTemplates } from "#api/resource/v1/resourceclaimtemplate";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Pod } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  PersistentVolumeClaims,
  Pods,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
  Events,
] as unknown as Kind[];
const namespace = "default";

function newPod(name: string, spec: Partial<NonNullable<Pod["spec"]>>): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

function hasEvent(cluster: Cluster, reason: string, message: string): boolean {
  return cluster.informers
    .lister(Events)
    .list(namespace)
    .some((event) => event.reason === reason && event.message === message);
}

test("an ephemeral volume gets a claim of the pod's own, and none that is another's", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  const claimOf = (name: string) => informers.lister(PersistentVolumeClaims).get(`${namespace}/${name}`);
  const claimSpec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const volumes = [{ name: "data", ephemeral: { volumeClaimTemplate: { spec: claimSpec } } }];
  const pod = await client.create(Pods, newPod("p", { volumes }), signal);
  const claim = await cluster.until("the claim exists", WATCHED, () => claimOf("p-data"));
  assert.equal(claim.metadata.ownerReferences?.[0]?.uid, pod.metadata.uid);

  const foreign = { metadata: { name: "q-data", namespace }, spec: claimSpec };
  await client.create(
    PersistentVolumeClaims,
    { apiVersion: "v1", kind: "PersistentVolumeClaim", ...foreign },
    signal,
  );
  await cluster.until("the other claim is known", WATCHED, () => claimOf("q-data"));
  await client.create(Pods, newPod("q", { volumes }), signal);
  const conflict =
    "ephemeral volume data: PVC default/q-data was not created for pod default/q (pod is not owner)";
  await cluster.until("the conflict is told", WATCHED, () => hasEvent(cluster, "FailedBinding", conflict));
});

async function startWithClaim(cluster: Cluster): Promise<ResourceClaim> {
  const { client, informers, signal } = cluster;
  const devices = { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] };
  const pod = newPod("p", { resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "t" }] });
  await client.create(Pods, pod, signal);
  const missing =
    'PodResourceClaim gpu: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found';
  await cluster.until("the missing template is told", WATCHED, () =>
    hasEvent(cluster, "FailedResourceClaimCreation", missing),
  );
  await client.create(
    ResourceClaimTemplates,
    {
      apiVersion: "resource.k8s.io/v1",
      kind: "ResourceClaimTemplate",
      metadata: { name: "t", namespace },
      spec: { spec: { devices } },
    },
    signal,
  );
  const name = await cluster.until("the pod's status names its claim", WATCHED, () => {
    const status = informers.lister(Pods).get(`${namespace}/p`)?.status;
    return status?.resourceClaimStatuses?.find((one) => one.name === "gpu")?.resourceClaimName;
  });
  return await client.get(ResourceClaims, { namespace, name }, signal);
}

/** As the scheduler does it; the cluster's kubelet gives the pod its node. */
async function allocate(cluster: Cluster, claim: ResourceClaim): Promise<void> {
  const { client, signal } = cluster;
  const pod = await client.get(Pods, { namespace, name: "p" }, signal);
  const finalizers = ["resource.kubernetes.io/delete-protection"];
  const held = await client.update(
    ResourceClaims,
    { ...claim, metadata: { ...claim.metadata, finalizers } },
    signal,
  );
  const result = { request: "r", driver: "d.example.com", pool: "node-1", device: "gpu-0" };
  const status = {
    allocation: { devices: { results: [result] } },
    reservedFor: [{ resource: "pods", name: "p", uid: pod.metadata.uid! }],
  };
  await client.updateStatus(ResourceClaims, { ...held, status }, signal);
}

test("a claim is made from a template, and goes with its pod", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  const claim = await startWithClaim(cluster);
  assert.match(claim.metadata.name, /^p-gpu-.{5}$/);
  await allocate(cluster, claim);
  await client.delete(Pods, { namespace, name: "p" }, signal, { gracePeriodSeconds: 0 });
  await cluster.until(
    "the claim is gone",
    WATCHED,
    () => informers.lister(ResourceClaims).list().length === 0,
  );
  assert.deepEqual(
    cluster.errors.filter((error) => !error.includes("not found")),
    [],
  );
});

test("a pod goes when its device is tainted", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  await allocate(cluster, await startWithClaim(cluster));
  const device = { name: "gpu-0", taints: [{ key: "broken", effect: "NoExecute" }] };
  const pool = { name: "node-1", generation: 1, resourceSliceCount: 1 };
  await client.create(
    ResourceSlices,
    {
      apiVersion: "resource.k8s.io/v1",
      kind: "ResourceSlice",
      metadata: { name: "s" },
      spec: { driver: "d.example.com", pool, nodeName: "node-1", devices: [device] },
    },
    signal,
  );
  await cluster.until("the pod is evicted", WATCHED, () => {
    const pod = informers.lister(Pods).get(`${namespace}/p`);
    return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
  });
  await cluster.until("the eviction is told", WATCHED, () =>
    hasEvent(cluster, "DeviceTaintManagerEviction", "Marking for deletion"),
  );
});
