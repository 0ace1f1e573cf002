/** What ResourceClaims use of a ResourceQuota: devices, by their class. @module */
import type { DeviceClaim, ResourceClaim } from "../../../resource/v1/types.gen.ts";
import type { ResourceList } from "../pod-resources.ts";
import type { QuotaEvaluator } from "./evaluator.ts";

const COUNT = "count/resourceclaims.resource.k8s.io";
const CLASS_SUFFIX = ".deviceclass.resource.k8s.io/devices";
/** Upstream's `AllocationResultsMaxSize`: what a request for all devices may get. */
const DEVICES_MAX = 32;

export const resourceClaimEvaluator: QuotaEvaluator<ResourceClaim> = {
  matchingResources: (names) => names.filter((name) => name === COUNT || name.endsWith(CLASS_SUFFIX)),
  matchesScope: () => false,
  usage: ({ spec }) => ({ [COUNT]: "1", ...devices(spec.devices) }),
  constraints: () => undefined,
};

function devices({ requests = [] }: DeviceClaim = {}): ResourceList {
  const sums = new Map<string, number>();
  for (const { exactly, firstAvailable = [] } of requests) {
    const choices = firstAvailable.length > 0 ? firstAvailable : exactly === undefined ? [] : [exactly];
    // Only one of the alternatives is allocated, and it may be any of them.
    const most = new Map<string, number>();
    for (const { deviceClassName, allocationMode, count } of choices) {
      const number = deviceCount(allocationMode, count);
      most.set(deviceClassName, Math.max(most.get(deviceClassName) ?? 0, number));
    }
    for (const [name, number] of most) sums.set(name, (sums.get(name) ?? 0) + number);
  }
  return Object.fromEntries(
    [...sums].map(([className, number]) => [`${className}${CLASS_SUFFIX}`, String(number)]),
  );
}

function deviceCount(allocationMode: string | undefined, count: number | undefined): number {
  if (allocationMode === "All") return DEVICES_MAX;
  return allocationMode === "ExactCount" ? (count ?? 0) : 0;
}
