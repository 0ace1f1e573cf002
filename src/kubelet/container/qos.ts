/** The quality-of-service class of a pod. Pure. @module */
import { compareQuantity, parseQuantity, signOf } from "#apimachinery";
import type { Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import type { QOSClass } from "../platform/platform.ts";
import { containersOf, initContainersOf, specOf } from "./pod-spec.ts";

const QOS_RESOURCES = ["cpu", "memory"] as const;

export function qosClassOf(pod: Pod): QOSClass {
  const podLevel = specOf(pod).resources;
  const all: readonly (ResourceRequirements | undefined)[] =
    podLevel?.requests !== undefined || podLevel?.limits !== undefined
      ? [podLevel]
      : [...containersOf(pod), ...initContainersOf(pod)].map(({ resources }) => resources);
  const asked = all.some((r) => QOS_RESOURCES.some((n) => has(r?.requests?.[n]) || has(r?.limits?.[n])));
  if (!asked) return "BestEffort";
  const guaranteed = all.every((r) => QOS_RESOURCES.every((n) => isGuaranteed(r, n)));
  return guaranteed ? "Guaranteed" : "Burstable";
}

function isGuaranteed(resources: ResourceRequirements | undefined, name: "cpu" | "memory"): boolean {
  const limit = resources?.limits?.[name];
  if (!has(limit)) return false;
  const request = resources?.requests?.[name] ?? limit;
  return compareQuantity(parseQuantity(request), parseQuantity(limit)) === 0;
}

function has(quantity: string | undefined): quantity is string {
  return quantity !== undefined && signOf(parseQuantity(quantity)) > 0;
}
