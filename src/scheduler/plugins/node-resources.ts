/** NodeResourcesFit and NodeResourcesBalancedAllocation. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { readResources } from "../cache/resources.ts";
import { MAX_NODE_SCORE, type Plugin } from "../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../framework/status.ts";

const FIT = "NodeResourcesFit";
/** The commonest refusal, made once. */
const TOO_MANY_PODS = unschedulable(FIT, "Too many pods");

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

function explainMisfit(pod: PodInfo, node: NodeInfo): Status | undefined {
  const reasons: string[] = [];
  let isResolvable = true;
  if (node.pods.size + 1 > node.allowedPods) reasons.push("Too many pods");
  const check = (name: string, wanted: number, allocatable: number, requested: number): void => {
    if (wanted === 0 || wanted <= allocatable - requested) return;
    reasons.push(`Insufficient ${name}`);
    if (wanted > allocatable) isResolvable = false; // not even an empty node would do
  };
  const { requests } = pod;
  const { allocatable, requested } = node;
  check("cpu", requests.milliCPU, allocatable.milliCPU, requested.milliCPU);
  check("memory", requests.memory, allocatable.memory, requested.memory);
  check(
    "ephemeral-storage",
    requests.ephemeralStorage,
    allocatable.ephemeralStorage,
    requested.ephemeralStorage,
  );
  for (const [name, wanted] of requests.scalar ?? []) {
    check(name, wanted, allocatable.scalar?.get(name) ?? 0, requested.scalar?.get(name) ?? 0);
  }
  if (reasons.length === 0) return undefined;
  if (reasons.length === 1 && reasons[0] === TOO_MANY_PODS.reasons[0]) return TOO_MANY_PODS;
  return isResolvable ? unschedulable(FIT, ...reasons) : unresolvable(FIT, ...reasons);
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
