/** Nodes and pods for the scheduler's tests and benchmarks. @module */
import type { Node, NodeSpec, PersistentVolumeClaim, Pod, PodSpec } from "#api/core/v1/types.gen";
import { FakeClock } from "#apimachinery";
import type { Client, Lister, SharedInformer } from "#client";
import type { WeightedPlugin } from "./framework/framework.ts";
import { defaultPlugins } from "./plugins/index.ts";
import type { NamespaceLabels } from "./plugins/inter-pod-affinity.ts";

/** The default plugins in a cluster without volumes; nothing is written. */
export function testPlugins(namespaceLabels: NamespaceLabels): readonly WeightedPlugin[] {
  const none = { get: () => undefined, list: () => [] } as unknown as Lister<never>;
  return defaultPlugins({
    client: {} as Client,
    clock: new FakeClock(),
    namespaceLabels,
    listers: { claims: none, volumes: none, classes: none, csiNodes: none },
    claimInformer: {} as SharedInformer<PersistentVolumeClaim>,
  });
}

export interface NodeShape {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NodeSpec;
}

export function testNode(name: string, shape: NodeShape = {}): Node {
  const { cpu = "4", memory = "16Gi", pods = "110", labels = {}, spec = {} } = shape;
  const allocatable = { cpu, memory, pods };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { capacity: allocatable, allocatable },
  };
}

export interface PodShape {
  readonly cpu?: string;
  readonly memory?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: string;
  readonly spec?: Partial<PodSpec>;
}

export function testPod(name: string, shape: PodShape = {}): Pod {
  const { cpu, memory, labels = {}, owner, spec = {} } = shape;
  const requests = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const ref = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: owner ?? "", controller: true };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      labels,
      ...(owner !== undefined && { ownerReferences: [ref] }),
    },
    spec: {
      schedulerName: "default-scheduler",
      containers: [{ name: "c", image: "demo/web:1", resources: { requests } }],
      ...spec,
    },
  };
}
