/** NodeResourcesFit and NodeResourcesBalancedAllocation. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { isSmaller, readResources } from "../cache/resources.ts";
import { MAX_NODE_SCORE, type Plugin } from "../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../framework/status.ts";

const FIT = "NodeResourcesFit";

export const nodeResourcesFit: Plugin = {
  name: FIT,
  filter(_state, pod, node) {
    const { requests } = pod;
    const { allocatable, requested } = node;
    const fits =
      node.pods.size + 1 <= node.allowedPods &&
      (requests.milliCPU === 0 || requests.milliCPU <= allocatable.milliCPU - requested.milliCPU) &&
      (requests.memory === 0 || requests.memory <= allocatable.memory - requested.memory) &&
      (requests.ephemeralStorage === 0 ||
        requests.ephemeralStorage <= allocatable.ephemeralStorage - requested.ephemeralStorage) &&
      requests.scalar === undefined;
    return fits ? undefined : explainMisfit(pod, node);
  },
  /** LeastAllocated over CPU and memory with equal weights. */
  score(_state, { nonZero }, { allocatable, nonZeroRequested }) {
    const cpu = free(nonZeroRequested.milliCPU + nonZero.milliCPU, allocatable.milliCPU);
    const memory = free(nonZeroRequested.memory + nonZero.memory, allocatable.memory);
    return Math.floor((cpu + memory) / 2);
  },
  eventsToRegister: [
    { resource: "AssignedPod", actions: ["update", "delete"] },
    { resource: "Node", actions: ["add", "update"] },
  ],
  queueingHint: (event, pod) => event.resource !== "Node" || couldHold(event.node?.new, pod),
};

/** Whether the node had room if it were empty. */
function couldHold(node: Node | undefined, { requests }: PodInfo): boolean {
  const { milliCPU, memory, ephemeralStorage, scalar } = readResources(node?.status?.allocatable);
  return (
    requests.milliCPU <= milliCPU &&
    requests.memory <= memory &&
    requests.ephemeralStorage <= ephemeralStorage &&
    [...(requests.scalar ?? [])].every(([name, wanted]) => wanted <= (scalar?.get(name) ?? 0))
  );
}

/** Which of the common resources are short, as bits, in the order of upstream's reasons. */
const REASONS = [
  "Too many pods",
  "Insufficient cpu",
  "Insufficient memory",
  "Insufficient ephemeral-storage",
];

/** Thousands of nodes refuse a pod for a handful of sets of reasons: each is made once. By bits and resolvability. */
const misfits: (Status | undefined)[] = [];

function misfit(bits: number, isResolvable: boolean, scalars: readonly string[]): Status {
  if (scalars.length > 0) return newMisfit(bits, isResolvable, scalars);
  return (misfits[bits * 2 + (isResolvable ? 1 : 0)] ??= newMisfit(bits, isResolvable, scalars));
}

function newMisfit(bits: number, isResolvable: boolean, scalars: readonly string[]): Status {
  const reasons = REASONS.filter((_, i) => (bits & (1 << i)) !== 0);
  const make = isResolvable ? unschedulable : unresolvable;
  return make(FIT, ...reasons, ...scalars.map((name) => `Insufficient ${name}`));
}

function explainMisfit({ requests }: PodInfo, node: NodeInfo): Status | undefined {
  const { allocatable, requested } = node;
  let bits = node.pods.size + 1 > node.allowedPods ? 1 : 0;
  let isResolvable = true;
  if (isShort(requests.milliCPU, allocatable.milliCPU, requested.milliCPU)) bits |= 2;
  if (isShort(requests.memory, allocatable.memory, requested.memory)) bits |= 4;
  if (isShort(requests.ephemeralStorage, allocatable.ephemeralStorage, requested.ephemeralStorage)) bits |= 8;
  // not even an empty node would do
  if (isSmaller(allocatable, requests)) isResolvable = false;
  if (requests.scalar === undefined) return bits === 0 ? undefined : misfit(bits, isResolvable, NO_NAMES);
  const scalars: string[] = [];
  for (const [name, wanted] of requests.scalar) {
    if (isShort(wanted, allocatable.scalar?.get(name) ?? 0, requested.scalar?.get(name) ?? 0))
      scalars.push(name);
  }
  return bits === 0 && scalars.length === 0 ? undefined : misfit(bits, isResolvable, scalars);
}

const NO_NAMES: readonly string[] = [];

function isShort(wanted: number, allocatable: number, requested: number): boolean {
  return wanted > 0 && wanted > allocatable - requested;
}

function free(requested: number, capacity: number): number {
  if (capacity === 0 || requested > capacity) return 0;
  return Math.floor(((capacity - requested) * MAX_NODE_SCORE) / capacity);
}

/** Prefers nodes whose CPU and memory are used to the same degree. */
export const nodeResourcesBalancedAllocation: Plugin = {
  name: "NodeResourcesBalancedAllocation",
  preScore: (_state, { requests }) => (requests.milliCPU === 0 && requests.memory === 0 ? "skip" : undefined),
  score(_state, { requests }, { allocatable, requested }) {
    const cpu = fraction(requested.milliCPU + requests.milliCPU, allocatable.milliCPU);
    const memory = fraction(requested.memory + requests.memory, allocatable.memory);
    return Math.floor((1 - Math.abs(cpu - memory) / 2) * MAX_NODE_SCORE);
  },
};

function fraction(requested: number, capacity: number): number {
  return capacity === 0 ? 1 : Math.min(requested / capacity, 1);
}
