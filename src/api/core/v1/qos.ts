/** Quality of service of a pod, from its requests and limits of CPU and memory. @module */
import { compareQuantity, parseQuantity, signOf } from "#apimachinery";
import { addResources, type ResourceList } from "./pod-resources.ts";
import type { PodSpec, ResourceRequirements } from "./types.gen.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const RESOURCES = ["cpu", "memory"] as const;

/**
 * Guaranteed: every container limits CPU and memory and requests as much. BestEffort: nothing is requested or limited.
 * Requests and limits of the pod itself, where given, decide alone.
 */
export function computeQosClass(spec: PodSpec): QosClass {
  if (spec.resources !== undefined) return classOf([spec.resources]);
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return classOf(containers.map((container) => container.resources ?? {}));
}

function classOf(all: readonly ResourceRequirements[]): QosClass {
  const requests = sumOf(all.map((resources) => resources.requests));
  const limits = sumOf(all.map((resources) => resources.limits));
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return "BestEffort";
  const allLimited = all.every(({ limits: own }) => RESOURCES.every((name) => isPositive(own?.[name])));
  const guaranteed = allLimited && RESOURCES.every((name) => isEqual(requests[name], limits[name]));
  return guaranteed ? "Guaranteed" : "Burstable";
}

function sumOf(lists: readonly (ResourceList | undefined)[]): ResourceList {
  let sum: ResourceList = {};
  for (const list of lists) {
    const counted = RESOURCES.filter((name) => isPositive(list?.[name])).map(
      (name) => [name, list![name]!] as const,
    );
    sum = addResources(sum, Object.fromEntries(counted));
  }
  return sum;
}

function isEqual(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && compareQuantity(parseQuantity(a), parseQuantity(b)) === 0;
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && signOf(parseQuantity(quantity)) > 0;
}
