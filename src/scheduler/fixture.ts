/** Nodes and pods for the scheduler's tests and benchmarks. @module */
import type { Node, NodeSpec, Pod, PodSpec } from "#api/core/v1/types.gen";
import { FakeClock, type labels } from "#apimachinery";
import type { PodInfo } from "./cache/pod-info.ts";
import { withDefaults } from "./config/defaults.ts";
import type { KubeSchedulerConfiguration } from "./config/types.ts";
import type { Found, NodeFinder } from "./find-node.ts";
import { Framework } from "./framework/framework.ts";
import type { Handle } from "./framework/handle.ts";
import type { Snapshot } from "./framework/plugin.ts";
import { everywhere, type WeightedPlugin } from "./framework/points.ts";
import { newInTreeRegistry } from "./plugins/index.ts";

/** Upstream's plugins in a cluster of nodes and pods alone; nothing is written. Pods with an owner are selected by it. */
export function testPlugins(
  namespaceLabels: (namespace: string) => labels.Labels,
  config: KubeSchedulerConfiguration = withDefaults(),
): readonly WeightedPlugin[] {
  const handle = testHandle(namespaceLabels);
  const registry = newInTreeRegistry();
  const [profile] = config.profiles;
  return profile!.plugins.multiPoint.enabled.map(({ name, weight = 0 }) => {
    const args = profile!.pluginConfig.find((plugin) => plugin.name === name)?.args;
    return { plugin: registry[name]!(args, handle), weight };
  });
}

export function testFramework(namespaceLabels: (namespace: string) => labels.Labels = () => ({})): Framework {
  return new Framework(everywhere(testPlugins(namespaceLabels)));
}

function testHandle(namespaceLabels: (namespace: string) => labels.Labels): Handle {
  const nothing = { get: () => undefined, list: () => [] };
  const ofNamespaces = { get: (name: string) => ({ metadata: { labels: namespaceLabels(name) } }) };
  const ofReplicaSets = { get: () => ({ spec: { selector: { matchLabels: { owned: "yes" } } } }) };
  const lister = ({ kind }: { readonly kind: string }) =>
    kind === "Namespace" ? ofNamespaces : kind === "ReplicaSet" ? ofReplicaSets : nothing;
  const informers = {
    lister,
    informer: (kind: { readonly kind: string }) => ({
      lister: lister(kind),
      addEventHandler: () => () => undefined,
    }),
  };
  return { client: {}, clock: new FakeClock(), informers } as unknown as Handle;
}

/** Of a finder that asks no extender. */
export function findNow(finder: NodeFinder, pod: PodInfo, snapshot: Snapshot): Found {
  const found = finder.find(pod, snapshot);
  if (found instanceof Promise) throw new Error("an extender was asked");
  return found;
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
      labels: owner === undefined ? labels : { ...labels, owned: "yes" },
      ...(owner !== undefined && { ownerReferences: [ref] }),
    },
    spec: {
      schedulerName: "default-scheduler",
      containers: [{ name: "c", image: "demo/web:1", resources: { requests } }],
      ...spec,
    },
  };
}
