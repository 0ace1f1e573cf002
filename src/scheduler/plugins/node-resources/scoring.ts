/** How good a node is by what is left of its resources: LeastAllocated, MostAllocated, RequestedToCapacityRatio. @module */
import type { NodeInfo } from "../../cache/node-info.ts";
import type { PodInfo } from "../../cache/pod-info.ts";
import type { Resources } from "../../cache/resources.ts";
import type { ScoringStrategy, UtilizationShapePoint } from "../../config/types.ts";
import { MAX_NODE_SCORE, type CycleState } from "../../framework/plugin.ts";
import type { DeviceTotals, Totals } from "../dynamic-resources/device-totals.ts";

type Score = (state: CycleState, pod: PodInfo, node: NodeInfo) => number;
/** Of one resource: 0 to 100. */
type ResourceScore = (requested: number, capacity: number) => number;

/** LeastAllocated over CPU and memory with equal weights. */
export function leastAllocated(
  _state: CycleState,
  { nonZero }: PodInfo,
  { allocatable, nonZeroRequested }: NodeInfo,
): number {
  const cpu = least(nonZeroRequested.milliCPU + nonZero.milliCPU, allocatable.milliCPU);
  const memory = least(nonZeroRequested.memory + nonZero.memory, allocatable.memory);
  const counted = (allocatable.milliCPU === 0 ? 0 : 1) + (allocatable.memory === 0 ? 0 : 1);
  return counted === 0 ? 0 : Math.floor((cpu + memory) / counted);
}

/** Of resources that the node has, itself or as devices, and, beyond CPU, memory and storage, the pod wants. */
export function scoreByStrategy(strategy: ScoringStrategy, devices?: DeviceTotals): Score {
  const { type, resources, requestedToCapacityRatio } = strategy;
  const isRatio = type === "RequestedToCapacityRatio";
  const scoreOf: ResourceScore = isRatio
    ? ratio(requestedToCapacityRatio?.shape ?? [])
    : type === "MostAllocated"
      ? most
      : least;
  return (_state, pod, node) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const wanted = amountOf(pod.nonZero, name);
      if (wanted === 0 && isScalar(name)) continue;
      const { capacity, used } = totalsOf(name, node, node.nonZeroRequested, devices);
      if (capacity === 0) continue;
      const score = scoreOf(used + wanted, capacity);
      if (isRatio && score === 0) continue;
      sum += score * weight;
      weights += weight;
    }
    if (weights === 0) return 0;
    return isRatio ? Math.round(sum / weights) : Math.floor(sum / weights);
  };
}

/** What a node has of a resource and what of it is taken; as devices, where it has none itself. */
export function totalsOf(
  name: string,
  node: NodeInfo,
  requested: Readonly<Resources>,
  devices: DeviceTotals | undefined,
): Totals {
  const capacity = amountOf(node.allocatable, name);
  const found = capacity === 0 && isScalar(name) ? devices?.(name, node) : undefined;
  return found ?? { capacity, used: amountOf(requested, name) };
}

export function amountOf(resources: Readonly<Resources>, name: string): number {
  if (name === "cpu") return resources.milliCPU;
  if (name === "memory") return resources.memory;
  if (name === "ephemeral-storage") return resources.ephemeralStorage;
  return resources.scalar?.get(name) ?? 0;
}

export function isScalar(name: string): boolean {
  return name !== "cpu" && name !== "memory" && name !== "ephemeral-storage";
}

function least(requested: number, capacity: number): number {
  if (capacity === 0 || requested > capacity) return 0;
  return Math.floor(((capacity - requested) * MAX_NODE_SCORE) / capacity);
}

function most(requested: number, capacity: number): number {
  return Math.floor((Math.min(requested, capacity) * MAX_NODE_SCORE) / capacity);
}

/** Scores of the shape go from 0 to 10. */
const SHAPE_SCORE_MAX = 10;

function ratio(shape: readonly UtilizationShapePoint[]): ResourceScore {
  const points = shape.map(({ utilization, score }) => ({
    utilization,
    score: score * (MAX_NODE_SCORE / SHAPE_SCORE_MAX),
  }));
  return (requested, capacity) => {
    const utilization = requested > capacity ? 100 : Math.floor((requested * 100) / capacity);
    return brokenLinear(points, utilization);
  };
}

/** Straight lines between the points, level before the first and after the last. */
function brokenLinear(points: readonly UtilizationShapePoint[], utilization: number): number {
  const next = points.findIndex((point) => utilization <= point.utilization);
  if (next === 0) return points[0]!.score;
  if (next < 0) return points.at(-1)!.score;
  const [a, b] = [points[next - 1]!, points[next]!];
  const share = ((b.score - a.score) * (utilization - a.utilization)) / (b.utilization - a.utilization);
  return a.score + Math.trunc(share);
}
