/** Quality of service of a pod, from its requests and limits of CPU and memory. @module */
import { compareAmounts, parseQuantity, signOf } from "#apimachinery";
import type { PodSpec, ResourceRequirements } from "./types.gen.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const RESOURCES = ["cpu", "memory"] as const;

/**
 * Guaranteed: every container limits CPU and memory and requests as much. BestEffort: nothing is requested or limited.
 * Requests and limits of the pod itself, where given, decide alone. The spec is to have its defaults: what is limited
 * is requested, too.
 */
export function computeQosClass(spec: PodSpec): QosClass {
  const all = spec.resources === undefined ? ofContainers(spec) : [spec.resources];
  if (!all.some(asksForAny)) return "BestEffort";
  // Upstream compares sums. No request is above its limit, so that sums are the same only where all are.
  return all.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

function ofContainers({ containers, initContainers = [] }: PodSpec): readonly ResourceRequirements[] {
  return [...containers, ...initContainers].map(({ resources = {} }) => resources);
}

function asksForAny({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return RESOURCES.some((name) => isPositive(requests[name]) || isPositive(limits[name]));
}

function isGuaranteed({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return RESOURCES.every((name) => {
    const [request, limit] = [requests[name], limits[name]];
    return isPositive(limit) && isPositive(request) && compareAmounts(request, limit) === 0;
  });
}

function isPositive(quantity: string | undefined): quantity is string {
  return quantity !== undefined && signOf(parseQuantity(quantity)) > 0;
}
