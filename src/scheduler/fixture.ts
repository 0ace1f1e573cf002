/** Nodes and pods for the scheduler's tests and benchmarks. @module */
import type { ContainerImage, Node, NodeSpec, Pod, PodSpec } from "#api/core/v1/types.gen";
import { FakeClock, type labels } from "#apimachinery";
import type { NodeInfo } from "./cache/node-info.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { withDefaults } from "./config/defaults.ts";
import type { KubeSchedulerConfiguration } from "./config/types.ts";
import type { Found, NodeFinder } from "./find-node.ts";
import { Framework } from "./framework/framework.ts";
import type { Handle } from "./framework/handle.ts";
import type { Plugin, Snapshot } from "./framework/plugin.ts";
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

/** Pods as "pod@node". */
export function testCluster(
  nodes: Readonly<Record<string, NodeShape>>,
  running: Readonly<Record<string, PodShape>> = {},
): SchedulerCache {
  const cache = new SchedulerCache();
  for (const [name, shape] of Object.entries(nodes)) cache.setNode(testNode(name, shape));
  for (const [place, shape] of Object.entries(running)) {
    const [name, nodeName] = place.split("@") as [string, string];
    cache.setPod(testPod(name, { ...shape, spec: { ...shape.spec, nodeName } }));
  }
  return cache;
}

/** What the plugin alone says of every node: "fits", or why not. */
export function filterBy(
  plugin: Plugin,
  pod: PodInfo,
  cache: SchedulerCache,
): Readonly<Record<string, string>> {
  const framework = new Framework(everywhere([{ plugin, weight: 1 }]));
  const cycle = framework.preFilter(pod, cache);
  const answer = (node: NodeInfo): string => {
    const status = "code" in cycle ? cycle : framework.filter(cycle, pod, node);
    return status === undefined ? "fits" : `${status.code}: ${status.reasons.join(", ")}`;
  };
  return Object.fromEntries(cache.nodes.map((node) => [node.name, answer(node)]));
}

/** What the plugin alone makes of the nodes that it is asked about, by default of all. */
export function scoreBy(
  plugin: Plugin,
  pod: PodInfo,
  cache: SchedulerCache,
  names: readonly string[] = cache.nodes.map(({ name }) => name),
): Readonly<Record<string, number>> {
  const framework = new Framework(everywhere([{ plugin, weight: 1 }]));
  const cycle = framework.preFilter(pod, cache);
  if ("code" in cycle) throw new Error(cycle.reasons.join(", "));
  const nodes = names.map((name) => cache.get(name)!);
  const scores = framework.score(cycle, pod, nodes, cache);
  return Object.fromEntries(names.map((name, i) => [name, scores[i]!]));
}

export interface NodeShape {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NodeSpec;
  readonly images?: readonly ContainerImage[];
}

export function testNode(name: string, shape: NodeShape = {}): Node {
  const { cpu = "4", memory = "16Gi", pods = "110", labels = {}, spec = {}, images = [] } = shape;
  const allocatable = { cpu, memory, pods };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { capacity: allocatable, allocatable, images },
  };
}

export interface PodShape {
  readonly cpu?: string;
  readonly memory?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly owner?: string;
  readonly spec?: Partial<PodSpec>;
}

export function testPod(name: string, shape: PodShape = {}): Pod {
  const { cpu, memory, labels = {}, namespace = "default", owner, spec = {} } = shape;
  const requests = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const ref = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: owner ?? "", controller: true };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
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
