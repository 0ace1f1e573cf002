/** A node of a test cluster: the real kubelet over the simulated runtime, without files and ports. @module */
import { Nodes } from "#api/core/v1/node";
import type { Node } from "#api/core/v1/types.gen";
import type { Logger } from "#apimachinery";
import type { ApiServer } from "#apiserver";
import { newClient } from "#client";
import type { TaskGroup } from "#component-base";
import { createSimulatedRuntime } from "#cri";
import { runKubelet, simulatedPlatform, type MachineInfo, type Taint } from "#kubelet";
import { waitFor, type Waiting } from "./waiting.ts";

export interface TestNodeOptions {
  /** Default `node-N`. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  /** Default: 32 CPUs, 256 GiB of memory. */
  readonly machine?: Partial<MachineInfo>;
  /** Default 110. */
  readonly maxPods?: number;
  /** Which images a registry has; canonical references (`docker.io/library/web:1`). Default: all. */
  readonly canPull?: (reference: string) => boolean;
}

export interface TestNode extends AsyncDisposable {
  readonly name: string;
  /** The kubelet falls silent; its Node and pods stay in the API, as when a machine dies. */
  stop(): Promise<void>;
}

export interface NodeDependencies extends Waiting {
  readonly server: ApiServer;
  readonly random: () => number;
  readonly logger: Logger;
  /** By node: what answers as the kubelet's `/metrics/resource`. One entry for each node that runs. */
  readonly scrapes: Map<string, (signal: AbortSignal) => Promise<string>>;
  /** Owns the kubelet. */
  readonly tasks: TaskGroup;
}

/** What the addresses below have room for. */
export const NODES_MAX = 32_768;
const NOT_READY = "node.kubernetes.io/not-ready";
const POD_CIDR_OCTET = 128;
const NODE_GROUPS = ["system:nodes", "system:authenticated"];
const CLUSTER_DNS = "10.96.0.10";

/** `index` counts from 0 and is used once per cluster. Resolves when the node is Ready. */
export async function startSimulatedNode(
  dependencies: NodeDependencies,
  index: number,
  options: TestNodeOptions,
): Promise<TestNode> {
  const { tasks } = dependencies;
  const name = options.name ?? `node-${index + 1}`;
  const stopped = Promise.withResolvers<void>();
  const stop = new AbortController();
  tasks.start(`kubelet of ${name}`, async (ended) => {
    try {
      await kubelet(dependencies, name, index, options, AbortSignal.any([ended, stop.signal]));
    } finally {
      stopped.resolve();
    }
  });
  await waitFor(dependencies, Nodes, { name }, takesPods);
  const stopNode = async (): Promise<void> => {
    stop.abort();
    await stopped.promise;
  };
  return { name, stop: stopNode, [Symbol.asyncDispose]: stopNode };
}

async function kubelet(
  { server, random, logger, clock, scrapes }: NodeDependencies,
  nodeName: string,
  index: number,
  { labels, taints, machine, maxPods, canPull }: TestNodeOptions,
  signal: AbortSignal,
): Promise<void> {
  const podCIDR = podCIDROf(index);
  const transport = server.transport({ name: `system:node:${nodeName}`, groups: NODE_GROUPS });
  const runtime = createSimulatedRuntime({
    clock,
    podCidr: podCIDR,
    ...(canPull !== undefined && { canPull }),
  });
  const options = {
    client: newClient(transport, { userAgent: "kubelet" }),
    clock,
    random,
    logger: logger.child({ component: "kubelet", node: nodeName }),
    nodeName,
    nodeIPs: [nodeIPOf(index)],
    runtime,
    platform: simulatedPlatform(machine === undefined ? {} : { machine }),
    rootDir: "/var/lib/kubelet",
    podLogsDir: "/var/log/pods",
    clusterDNS: [CLUSTER_DNS],
    clusterDomain: "cluster.local",
    podCIDR,
    onResourceMetrics: (scrape: (signal: AbortSignal) => Promise<string>) =>
      void scrapes.set(nodeName, scrape),
    enableCgroups: false,
    ...(labels !== undefined && { labels }),
    ...(taints !== undefined && { registerWithTaints: taints }),
    ...(maxPods !== undefined && { maxPods }),
  };
  try {
    await runKubelet(options, signal);
  } finally {
    scrapes.delete(nodeName);
    await runtime.close();
  }
}

/** Ready, and the taint that every new node bears has gone: a pod that is created now does not wait for a second try. */
function takesPods(node: Node | undefined): boolean {
  const isReady = (node?.status?.conditions ?? []).some(
    ({ type, status }) => type === "Ready" && status === "True",
  );
  return isReady && !(node?.spec?.taints ?? []).some(({ key }) => key === NOT_READY);
}

/** 10.128.0.0/9, one /24 each. */
function podCIDROf(index: number): string {
  return `10.${POD_CIDR_OCTET + (index >> 8)}.${index & 255}.0/24`;
}

/** 198.18.0.0/15 is set aside for benchmarks (RFC 2544): no real machine has such an address. */
function nodeIPOf(index: number): string {
  const host = index + 1;
  return `198.${18 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
}
