/** Why a pod was evicted, in upstream's words, with annotations for programs. Pure. @module */
import { formatQuantity, newQuantity } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, specOf } from "../container/pod-spec.ts";
import { amountOf } from "../container/resources.ts";
import type { ContainerSummary, PodSummary } from "../server/stats-summary.ts";
import type { Observations } from "./plan-pressure.ts";
import {
  amountOfThreshold,
  SIGNALS,
  type PressureCondition,
  type StarvedResource,
  type Threshold,
} from "./thresholds.ts";

export interface EvictionMessage {
  readonly message: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export function evictionMessage(
  resource: StarvedResource,
  pod: Pod,
  stats: PodSummary | undefined,
  thresholds: readonly Threshold[],
  observations: Observations,
): EvictionMessage {
  let message = `The node was low on resource: ${resource}. `;
  const threshold = thresholds.find(({ signal }) => SIGNALS[signal].resource === resource);
  const observed = threshold === undefined ? undefined : observations[threshold.signal];
  if (threshold !== undefined && observed !== undefined) {
    const wanted = told(resource, amountOfThreshold(threshold.value, observed.capacity));
    message += `Threshold quantity: ${wanted}, available: ${told(resource, observed.available)}. `;
  }
  if (stats === undefined) return { message, annotations: {} };
  const annotations: Record<string, string> = {};
  const request = specOf(pod).resources?.requests?.["memory"];
  if (resource === "memory" && request !== undefined && stats.memory !== undefined) {
    const { name } = pod.metadata;
    const used = told(resource, stats.memory.workingSetBytes ?? 0);
    message += `Pod ${name} was using ${used}, request is ${request}, has larger consumption of ${resource}. `;
    annotations["offending_pod"] = name;
    annotations["offending_pod_usage"] = used;
  }
  const offending = offenders(resource, pod, stats);
  for (const { name, used, requested } of offending)
    message += `Container ${name} was using ${used}, request is ${requested}, has larger consumption of ${resource}. `;
  annotations["offending_containers"] = offending.map(({ name }) => name).join(",");
  annotations["offending_containers_usage"] = offending.map(({ used }) => used).join(",");
  annotations["starved_resource"] = resource;
  return { message, annotations };
}

interface Offender {
  readonly name: string;
  readonly used: string;
  readonly requested: string;
}

/** Containers that use more than they asked for. */
function offenders(resource: StarvedResource, pod: Pod, stats: PodSummary): readonly Offender[] {
  const containers = [...containersOf(pod), ...initContainersOf(pod)];
  return stats.containers.flatMap((one) => {
    const container = containers.find(({ name }) => name === one.name);
    const used = container === undefined ? undefined : usageOf(resource, one);
    const requests = container?.resources?.requests;
    if (used === undefined || used <= (amountOf(requests, resource) ?? 0)) return [];
    return [{ name: one.name, used: told(resource, used), requested: requests?.[resource] ?? "0" }];
  });
}

function usageOf(resource: StarvedResource, { rootfs, logs, memory }: ContainerSummary): number | undefined {
  if (resource === "memory") return memory?.workingSetBytes;
  if (resource !== "ephemeral-storage") return undefined;
  if (rootfs?.usedBytes === undefined || logs?.usedBytes === undefined) return undefined;
  return rootfs.usedBytes + logs.usedBytes;
}

function told(resource: StarvedResource, amount: number): string {
  const isBytes = resource === "memory" || resource === "ephemeral-storage";
  return formatQuantity(newQuantity(amount, isBytes ? "BinarySI" : "DecimalSI"));
}

/** Why a pod is not taken. */
export function conditionMessage(conditions: readonly PressureCondition[]): string {
  return `The node had condition: [${conditions.join(" ")}]. `;
}
