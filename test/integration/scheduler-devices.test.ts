import assert from "node:assert/strict";
import { test } from "node:test";
import { Nodes } from "#api/core/v1/node";
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Device, DeviceClaim, ResourceClaim } from "#api/resource/v1/types.gen";
import { StatusError } from "#apimachinery";
import { newClient, type Transport } from "#client";
import { parseSchedulerConfiguration } from "#scheduler";
import { newPod, startSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

const DRIVER = "gpu.example.com";
const NAMESPACE = "default";
const isBound = ({ spec }: { readonly spec?: { readonly nodeName?: string } }): boolean =>
  (spec?.nodeName ?? "") !== "";

async function gpuCluster(devices: Readonly<Record<string, readonly Device[]>>): Promise<SchedulerCluster> {
  const cluster = await startSchedulerCluster();
  const { client, signal } = cluster;
  const apiVersion = "resource.k8s.io/v1" as const;
  await client.create(
    DeviceClasses,
    {
      apiVersion,
      kind: "DeviceClass",
      metadata: { name: "gpu" },
      spec: { selectors: [{ cel: { expression: `device.driver == "${DRIVER}"` } }] },
    },
    signal,
  );
  for (const [nodeName, own] of Object.entries(devices)) {
    await cluster.addNode(nodeName);
    const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 };
    const spec = { driver: DRIVER, nodeName, pool, devices: own };
    const metadata = { name: `${nodeName}-gpus` };
    await client.create(ResourceSlices, { apiVersion, kind: "ResourceSlice", metadata, spec }, signal);
  }
  return cluster;
}

function gpu(name: string, model: string, memory = "10Gi", more: Partial<Device> = {}): Device {
  return { name, attributes: { model: { string: model } }, capacity: { memory: { value: memory } }, ...more };
}

async function claim(
  { client, signal }: SchedulerCluster,
  name: string,
  devices: DeviceClaim,
): Promise<void> {
  const metadata = { name, namespace: NAMESPACE };
  const object = {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata,
    spec: { devices },
  } as const;
  await client.create(ResourceClaims, object, signal);
}

function user(name: string, claimName: string) {
  return newPod(name, { spec: { resourceClaims: [{ name: "gpu", resourceClaimName: claimName }] } });
}

async function claimNow({ client, signal }: SchedulerCluster, name: string): Promise<ResourceClaim> {
  return client.get(ResourceClaims, { name, namespace: NAMESPACE }, signal);
}

async function devicesOf(cluster: SchedulerCluster, name: string): Promise<readonly string[]> {
  const { status } = await claimNow(cluster, name);
  return (status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`);
}

const select = (expression: string) => [{ cel: { expression } }];

test("scheduler gives a pod the device that its claim selects, writes it down, and gives it to nobody else", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "small")], b: [gpu("g0", "big", "40Gi")] });
  cluster.startScheduler();
  const exactly = {
    deviceClassName: "gpu",
    selectors: select(
      `device.attributes["${DRIVER}"].model == "big" && device.capacity["${DRIVER}"].memory.compareTo(quantity("20Gi")) >= 0`,
    ),
  };
  await claim(cluster, "big", { requests: [{ name: "gpu", exactly }] });
  const first = await cluster.create(user("first", "big"));
  assert.equal((await cluster.pod("first", isBound)).spec?.nodeName, "b");
  const { metadata, status } = await claimNow(cluster, "big");
  assert.deepEqual(metadata.finalizers, ["resource.kubernetes.io/delete-protection"]);
  assert.deepEqual(status?.reservedFor, [{ resource: "pods", name: "first", uid: first.metadata.uid }]);
  assert.deepEqual(await devicesOf(cluster, "big"), ["b/g0"]);
  assert.deepEqual(status?.allocation?.nodeSelector?.nodeSelectorTerms, [
    { matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] },
  ]);

  await claim(cluster, "big2", { requests: [{ name: "gpu", exactly }] });
  await cluster.create(user("second", "big2"));
  const refused = await cluster.pod("second", (pod) => pod.status?.conditions?.length === 1);
  assert.match(
    refused.status!.conditions![0]!.message!,
    /^0\/2 nodes are available: 2 cannot allocate all claims\./,
  );
  // a claim may have several users, where its devices are
  await cluster.create(user("shares", "big"));
  assert.equal((await cluster.pod("shares", isBound)).spec?.nodeName, "b");
});

test("scheduler waits for a claim and for its class", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "small")] });
  cluster.startScheduler();
  await cluster.create(user("early", "later"));
  await claim(cluster, "later", { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] });
  await cluster.pod("early", isBound);
  await claim(cluster, "odd", { requests: [{ name: "gpu", exactly: { deviceClassName: "none" } }] });
  await cluster.create(user("classless", "odd"));
  const refused = await cluster.pod("classless", (pod) => pod.status?.conditions?.length === 1);
  assert.match(refused.status!.conditions![0]!.message!, /request gpu: device class none does not exist/);
});

interface Case {
  readonly name: string;
  readonly devices: readonly Device[];
  readonly claim: DeviceClaim;
  /** Or nothing, if the pod is refused. */
  readonly want: readonly string[];
}

const taint = { key: "broken", effect: "NoSchedule" };
const cases: readonly Case[] = [
  {
    name: "several devices with equal attributes",
    devices: [gpu("g0", "x"), gpu("g1", "y"), gpu("g2", "y")],
    claim: {
      requests: [{ name: "gpus", exactly: { deviceClassName: "gpu", count: 2 } }],
      constraints: [{ matchAttribute: `${DRIVER}/model` }],
    },
    want: ["a/g1", "a/g2"],
  },
  {
    name: "all devices that are selected",
    devices: [gpu("g0", "x"), gpu("g1", "y"), gpu("g2", "y")],
    claim: {
      requests: [
        {
          name: "gpus",
          exactly: {
            deviceClassName: "gpu",
            allocationMode: "All",
            selectors: select(`device.attributes["${DRIVER}"].model == "y"`),
          },
        },
      ],
    },
    want: ["a/g1", "a/g2"],
  },
  {
    name: "the second choice if the first is not there",
    devices: [gpu("g0", "x")],
    claim: {
      requests: [
        {
          name: "gpu",
          firstAvailable: [
            {
              name: "best",
              deviceClassName: "gpu",
              selectors: select(`device.attributes["${DRIVER}"].model == "z"`),
            },
            { name: "good", deviceClassName: "gpu" },
          ],
        },
      ],
    },
    want: ["a/g0"],
  },
  {
    name: "no device whose taint it does not tolerate",
    devices: [gpu("g0", "x", "1Gi", { taints: [taint] }), gpu("g1", "x")],
    claim: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] },
    want: ["a/g1"],
  },
  {
    name: "a tainted device that it tolerates",
    devices: [gpu("g0", "x", "1Gi", { taints: [taint] })],
    claim: {
      requests: [
        {
          name: "gpu",
          exactly: { deviceClassName: "gpu", tolerations: [{ key: "broken", operator: "Exists" }] },
        },
      ],
    },
    want: ["a/g0"],
  },
  {
    name: "nothing when there are too few",
    devices: [gpu("g0", "x")],
    claim: { requests: [{ name: "gpus", exactly: { deviceClassName: "gpu", count: 2 } }] },
    want: [],
  },
];

for (const { name, devices, claim: wanted, want } of cases) {
  test(`scheduler allocates ${name}`, async () => {
    await using cluster = await gpuCluster({ a: devices });
    cluster.startScheduler();
    await claim(cluster, "c", wanted);
    await cluster.create(user("p", "c"));
    await cluster.pod("p", (pod) => isBound(pod) || pod.status?.conditions?.length === 1);
    assert.deepEqual(await devicesOf(cluster, "c"), want);
  });
}

test("scheduler gives an idle claim back that keeps a pod from its node", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "x")], b: [gpu("g0", "x")] });
  cluster.startScheduler();
  await claim(cluster, "c", { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] });
  await cluster.create(user("first", "c"));
  const { spec } = await cluster.pod("first", isBound);
  const { status, ...rest } = await claimNow(cluster, "c");
  const idle = { ...rest, status: { ...status, reservedFor: [] } };
  await cluster.client.updateStatus(ResourceClaims, idle, cluster.signal);
  const other = spec?.nodeName === "a" ? "b" : "a";
  const nodeSelector = { "kubernetes.io/hostname": other };
  const { spec: wanted, ...pod } = user("second", "c");
  await cluster.create({ ...pod, spec: { ...wanted!, nodeSelector } });
  assert.equal((await cluster.pod("second", isBound)).spec?.nodeName, other);
  assert.deepEqual(await devicesOf(cluster, "c"), [`${other}/g0`]);
});

test("scheduler binds a pod when its device is prepared, and gives one back that cannot be", async () => {
  const remote = { bindingConditions: ["Attached"], bindingFailureConditions: ["Lost"], bindsToNode: true };
  await using cluster = await gpuCluster({ a: [gpu("g0", "x", "1Gi", remote)] });
  const { client, informers, signal } = cluster;
  const outcomes = ["Lost", "Attached"];
  // the driver: what becomes of the device, once for every allocation
  informers.informer(ResourceClaims).addEventHandler({
    onUpdate(now) {
      if (now.status?.allocation === undefined || now.status.devices !== undefined) return;
      const reserved = now.status.reservedFor ?? [];
      if (reserved.length === 0 || outcomes.length === 0) return;
      const lastTransitionTime = "2026-01-01T00:00:00Z";
      const condition = { type: outcomes.shift()!, status: "True", reason: "Fabric", message: "" };
      const conditions = [{ ...condition, lastTransitionTime }];
      const devices = [{ driver: DRIVER, pool: "a", device: "g0", conditions }];
      void client.updateStatus(ResourceClaims, { ...now, status: { ...now.status, devices } }, signal);
    },
  });
  informers.start(signal);
  cluster.startScheduler();
  await claim(cluster, "c", { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] });
  await cluster.create(user("p", "c"));
  assert.equal((await cluster.pod("p", isBound)).spec?.nodeName, "a");
  assert.deepEqual(outcomes, []);
  assert.deepEqual(await devicesOf(cluster, "c"), ["a/g0"]);
});

const GPUS = "example.com/gpu";

/** Asks for devices by the amount of a resource. */
function asking(name: string, resource: string, count = "1") {
  const resources = { requests: { [resource]: count }, limits: { [resource]: count } };
  const containers = [{ name: "main", image: "registry.k8s.io/pause:3.10", resources }];
  return { ...newPod(name), spec: { containers } };
}

/** `gpu` stands for `example.com/gpu` from now on. */
async function extend({ client, signal }: SchedulerCluster): Promise<void> {
  const body = { spec: { extendedResourceName: GPUS } };
  await client.patch(DeviceClasses, { name: "gpu" }, { type: "merge", body }, signal);
}

test("scheduler backs an extended resource by devices, in a claim of the pod's own", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "x"), gpu("g1", "x")] });
  cluster.startScheduler();
  const { metadata } = await cluster.create(asking("p", GPUS, "2"));
  const refused = await cluster.pod("p", (pod) => pod.status?.conditions?.length === 1);
  assert.match(refused.status!.conditions![0]!.message!, /1 Insufficient example\.com\/gpu/);
  await extend(cluster);
  const { status } = await cluster.pod("p", isBound);
  const { resourceClaimName = "", requestMappings } = status?.extendedResourceClaimStatus ?? {};
  assert.match(resourceClaimName, /^p-extended-resources-/);
  const requestName = "container-0-request-0";
  assert.deepEqual(requestMappings, [{ containerName: "main", resourceName: GPUS, requestName }]);
  const made = await claimNow(cluster, resourceClaimName);
  const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: metadata.uid, controller: true };
  assert.deepEqual(made.metadata.ownerReferences, [owner]);
  assert.equal(made.metadata.annotations?.["resource.kubernetes.io/extended-resource-claim"], "true");
  assert.deepEqual(made.status?.reservedFor, [{ resource: "pods", name: "p", uid: metadata.uid }]);
  assert.deepEqual(await devicesOf(cluster, resourceClaimName), ["a/g0", "a/g1"]);

  // the devices are taken, also for those who ask by the name of the class
  await cluster.create(asking("q", "deviceclass.resource.kubernetes.io/gpu"));
  const waiting = await cluster.pod("q", (pod) => pod.status?.conditions?.length === 1);
  assert.match(waiting.status!.conditions![0]!.message!, /1 cannot allocate all claims/);
  const { finalizers: _, ...bare } = made.metadata;
  await cluster.client.update(ResourceClaims, { ...made, metadata: bare }, cluster.signal);
  await cluster.client.delete(ResourceClaims, made.metadata, cluster.signal);
  await cluster.pod("q", isBound);
});

test("scheduler leaves an extended resource to the device plugin of a node that has one", async () => {
  await using cluster = await gpuCluster({ a: [] });
  await extend(cluster);
  const { client, signal } = cluster;
  const body = { status: { capacity: { [GPUS]: "1" }, allocatable: { [GPUS]: "1" } } };
  await client.patch(Nodes, { name: "a" }, { type: "merge", body }, signal, { subresource: "status" });
  cluster.startScheduler();
  await cluster.create(asking("p", GPUS));
  assert.equal((await cluster.pod("p", isBound)).status?.extendedResourceClaimStatus, undefined);
  await cluster.create(asking("q", GPUS));
  const refused = await cluster.pod("q", (pod) => pod.status?.conditions?.length === 1);
  assert.match(refused.status!.conditions![0]!.message!, /1 Insufficient example\.com\/gpu/);
});

test("scheduler deletes the claim of an attempt that failed, and begins anew", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "x")] });
  await extend(cluster);
  const { client, signal } = cluster;
  const { metadata } = await cluster.create(asking("p", GPUS));
  const { name, uid = "" } = metadata;
  const stale = await client.create(
    ResourceClaims,
    {
      apiVersion: "resource.k8s.io/v1",
      kind: "ResourceClaim",
      metadata: {
        name: "stale",
        namespace: NAMESPACE,
        finalizers: ["resource.kubernetes.io/delete-protection"],
        annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
        ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid, controller: true }],
      },
      spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } },
    },
    signal,
  );
  cluster.startScheduler();
  const { status } = await cluster.pod("p", isBound);
  assert.notEqual(status?.extendedResourceClaimStatus?.resourceClaimName, stale.metadata.name);
  await assert.rejects(claimNow(cluster, "stale"), { reason: "NotFound" });
});

test("scheduler deletes the claim for extended resources of a pod that could not be bound", async () => {
  await using cluster = await gpuCluster({ a: [gpu("g0", "x")] });
  await extend(cluster);
  const { transport, client, signal } = cluster;
  let failures = 1;
  const flaky: Transport = {
    request: (request, own) =>
      request.path.endsWith("/binding") && failures-- > 0
        ? Promise.reject(new StatusError("InternalError", "no luck"))
        : transport.request(request, own),
    watch: (request, own) => transport.watch(request, own),
    stream: (request, own) => transport.stream(request, own),
  };
  cluster.startScheduler({ client: newClient(flaky) });
  await cluster.create(asking("p", GPUS));
  const { status } = await cluster.pod("p", isBound);
  const { items } = await client.list(ResourceClaims, { namespace: NAMESPACE }, signal);
  const names = items.map(({ metadata }) => metadata.name);
  assert.deepEqual(names, [status?.extendedResourceClaimStatus?.resourceClaimName]);
});

test("scheduler packs extended resources that devices back, if its strategy says so", async () => {
  const two = [gpu("g0", "x"), gpu("g1", "x")];
  await using cluster = await gpuCluster({ a: two, b: two });
  await extend(cluster);
  const scoringStrategy = { type: "MostAllocated", resources: [{ name: GPUS, weight: 1 }] };
  const config = parseSchedulerConfiguration(
    JSON.stringify({
      apiVersion: "kubescheduler.config.k8s.io/v1",
      kind: "KubeSchedulerConfiguration",
      profiles: [{ pluginConfig: [{ name: "NodeResourcesFit", args: { scoringStrategy } }] }],
    }),
  );
  cluster.startScheduler({ config });
  await cluster.create(asking("p", GPUS));
  const first = (await cluster.pod("p", isBound)).spec?.nodeName;
  await cluster.create(asking("q", GPUS));
  assert.equal((await cluster.pod("q", isBound)).spec?.nodeName, first);
  await cluster.create(asking("r", GPUS));
  assert.notEqual((await cluster.pod("r", isBound)).spec?.nodeName, first);
});
