/** Nodes that nobody runs, with what a workload wants them to have. @module */
import type { CSINode } from "#api/storage/v1/types.gen";
import { CSINodes } from "#api/storage/v1/csinode";
import { Nodes } from "#api/core/v1/node";
import type { Node } from "#api/core/v1/types.gen";
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Device } from "#api/resource/v1/types.gen";
import type { Client } from "#client";
import { inParallel } from "./in-parallel.ts";
import type { Workload } from "./workload.ts";

export const LARGE_NODE = "scheduler-perf-node";
const DRIVER = "test-driver.cdi.k8s.io";
const EBS = "ebs.csi.aws.com";

/** The node that the i-th pod of a workload could be on. */
export function nodeName(i: number, { nodes }: Workload): string {
  return nodes === 0 ? LARGE_NODE : `scheduler-perf-${i % nodes}`;
}

export async function createNodes(client: Client, workload: Workload, signal: AbortSignal): Promise<void> {
  const { nodes, zones = [], hasLargeNode, taintedNodes = 0, csiLimit, devices } = workload;
  const { hasExtendedResources = false } = workload;
  if (hasLargeNode === true)
    await client.create(Nodes, newNode(LARGE_NODE, undefined, { pods: "90000" }), signal);
  await inParallel(nodes, async (i) => {
    const more = {
      ...(csiLimit !== undefined && { [`attachable-volumes-csi-${EBS}`]: String(csiLimit.count) }),
      ...(hasExtendedResources && { [`foo.com/bar-${i}`]: "1" }),
    };
    const name = nodeName(i, workload);
    await client.create(Nodes, newNode(name, zones[i % Math.max(1, zones.length)], more), signal);
    if (csiLimit !== undefined) await client.create(CSINodes, newCsiNode(name, csiLimit), signal);
    if (devices !== undefined) await createSlice(client, name, devices.perNode, signal);
  });
  await inParallel(taintedNodes, async (i) => {
    const node = newNode(`taint-node-${i}`, undefined);
    const spec = { taints: [{ key: "foo", effect: "NoSchedule" }] };
    await client.create(Nodes, { ...node, spec }, signal);
  });
  for (let i = 0; i < (devices?.classes ?? 0); i++) await createClass(client, i, signal);
}

/** 4 CPUs, 32 GiB, 110 pods; a host name for anti-affinity to work with. */
export function newNode(
  name: string,
  zone: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Node {
  const amounts = { pods: "110", cpu: "4", memory: "32Gi", ...more };
  const labels = {
    "kubernetes.io/hostname": name,
    ...(zone !== undefined && { "topology.kubernetes.io/zone": zone }),
  };
  const conditions = [{ type: "Ready", status: "True" }];
  const status = { capacity: amounts, allocatable: amounts, conditions, phase: "Running" };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, status };
}

function newCsiNode(name: string, { count, isMigrated }: NonNullable<Workload["csiLimit"]>): CSINode {
  const annotations = isMigrated
    ? { "storage.alpha.kubernetes.io/migrated-plugins": "kubernetes.io/aws-ebs" }
    : {};
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "CSINode",
    metadata: { name, annotations },
    spec: { drivers: [{ name: EBS, nodeID: name, allocatable: { count } }] },
  };
}

async function createSlice(
  client: Client,
  nodeOfSlice: string,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const devices = Array.from({ length: count }, (_, i): Device => {
    const attributes = {
      model: { string: "A100" },
      family: { string: "GPU" },
      driverVersion: { version: "1.2.3" },
      "dra.example.com/numa": { int: i },
    };
    return { name: `instance-${i}`, attributes, capacity: { memory: { value: "1Gi" } } };
  });
  const pool = { name: nodeOfSlice, generation: 1, resourceSliceCount: 1 };
  const spec = { driver: DRIVER, nodeName: nodeOfSlice, pool, devices };
  const metadata = { name: nodeOfSlice };
  const slice = { apiVersion: "resource.k8s.io/v1", kind: "ResourceSlice", metadata, spec } as const;
  await client.create(ResourceSlices, slice, signal);
}

async function createClass(client: Client, i: number, signal: AbortSignal): Promise<void> {
  const selectors = [{ cel: { expression: `device.driver == "${DRIVER}"` } }];
  const spec = { selectors, extendedResourceName: `example.com/gpu-${i}` };
  const metadata = { name: `test-class-${i}` };
  const deviceClass = { apiVersion: "resource.k8s.io/v1", kind: "DeviceClass", metadata, spec } as const;
  await client.create(DeviceClasses, deviceClass, signal);
}
