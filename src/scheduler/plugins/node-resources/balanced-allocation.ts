/** NodeResourcesBalancedAllocation: prefers nodes whose resources are used to the same degree once the pod is there. @module */
import type { NodeInfo } from "../../cache/node-info.ts";
import type { PodInfo } from "../../cache/pod-info.ts";
import type { NodeResourcesBalancedAllocationArgs, ResourceSpec } from "../../config/types.ts";
import { MAX_NODE_SCORE, type Plugin } from "../../framework/plugin.ts";
import type { DeviceTotals } from "../dynamic-resources/device-totals.ts";
import { amountOf, isScalar, totalsOf } from "./scoring.ts";

export function nodeResourcesBalancedAllocation(
  { resources }: NodeResourcesBalancedAllocationArgs,
  devices?: DeviceTotals,
): Plugin {
  const isCommon = resources.length === 2 && resources[0]!.name === "cpu" && resources[1]!.name === "memory";
  return {
    name: "NodeResourcesBalancedAllocation",
    preScore: (_state, { requests }) =>
      resources.every(({ name }) => amountOf(requests, name) === 0) ? "skip" : undefined,
    score: (_state, pod, node) =>
      isCommon ? scoreCommon(pod, node) : scoreAll(pod, node, resources, devices),
  };
}

/** CPU and memory, with nothing allocated on the way. */
function scoreCommon({ requests }: PodInfo, { allocatable, requested }: NodeInfo): number {
  if (allocatable.milliCPU === 0 || allocatable.memory === 0) return combine(0, 0);
  const cpuBefore = requested.milliCPU / allocatable.milliCPU;
  const memoryBefore = requested.memory / allocatable.memory;
  const cpu = (requested.milliCPU + requests.milliCPU) / allocatable.milliCPU;
  const memory = (requested.memory + requests.memory) / allocatable.memory;
  return combine(halfGap(cpu, memory), halfGap(cpuBefore, memoryBefore));
}

function halfGap(a: number, b: number): number {
  return Math.abs(Math.min(a, 1) - Math.min(b, 1)) / 2;
}

function scoreAll(
  { requests }: PodInfo,
  node: NodeInfo,
  resources: readonly ResourceSpec[],
  devices: DeviceTotals | undefined,
): number {
  const after: number[] = [];
  const before: number[] = [];
  for (const { name } of resources) {
    const wanted = amountOf(requests, name);
    if (wanted === 0 && isScalar(name)) continue;
    const { capacity, used } = totalsOf(name, node, node.requested, devices);
    if (capacity === 0) continue;
    before.push(Math.min(used / capacity, 1));
    after.push(Math.min((used + wanted) / capacity, 1));
  }
  return combine(deviation(after), deviation(before));
}

/** What the pod does to the balance counts, not what it was before: around 75 if it changes little. */
function combine(deviationAfter: number, deviationBefore: number): number {
  const half = MAX_NODE_SCORE / 2;
  const difference = scoreOf(deviationAfter) - scoreOf(deviationBefore);
  return half + Math.trunc((half + difference) / 2);
}

function scoreOf(standardDeviation: number): number {
  return Math.trunc((1 - standardDeviation) * MAX_NODE_SCORE);
}

function deviation(fractions: readonly number[]): number {
  if (fractions.length < 2) return 0;
  if (fractions.length === 2) return Math.abs(fractions[0]! - fractions[1]!) / 2;
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
  const squares = fractions.reduce((sum, fraction) => sum + (fraction - mean) ** 2, 0);
  return Math.sqrt(squares / fractions.length);
}
