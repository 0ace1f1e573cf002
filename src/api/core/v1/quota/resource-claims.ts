/** What ResourceClaims use of a ResourceQuota: devices, by their class and by the extended resources that it stands for. @module */
import {
  classesByResource,
  DEVICE_CLASS_PREFIX,
  EXTENDED_RESOURCE_CLAIM,
} from "../../../resource/v1/extended-resource-classes.ts";
import type { DeviceClaim, DeviceClass, ResourceClaim } from "../../../resource/v1/types.gen.ts";
import { controllerOf, formatQuantity, parseQuantity, signOf, subQuantity } from "#apimachinery";
import type { ResourceList } from "../pod-resources.ts";
import type { Pod } from "../types.gen.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { podEvaluator } from "./pods.ts";

const COUNT = "count/resourceclaims.resource.k8s.io";
const CLASS_SUFFIX = ".deviceclass.resource.k8s.io/devices";
/** Upstream's `AllocationResultsMaxSize`: what a request for all devices may get. */
const DEVICES_MAX = 32;

const REQUESTS = "requests.";

/** What of the cluster decides how a claim counts. */
export interface ClaimSurroundings {
  readonly classes: () => readonly DeviceClass[];
  readonly pod: (namespace: string, name: string) => Pod | undefined;
  readonly claims: (namespace: string) => readonly ResourceClaim[];
}

export function resourceClaimEvaluator(around: ClaimSurroundings): QuotaEvaluator<ResourceClaim> {
  return {
    matchingResources(names) {
      const known = classesByResource(around.classes());
      return names.filter(
        (name) =>
          name === COUNT ||
          name.endsWith(CLASS_SUFFIX) ||
          (name.startsWith(REQUESTS) && known.has(name.slice(REQUESTS.length))),
      );
    },
    matchesScope: () => false,
    usage(claim, nowMs) {
      const own = devices(claim.spec.devices);
      return { [COUNT]: "1", ...own, ...beyondPod(asExtended(own, around.classes()), claim, around, nowMs) };
    },
    constraints: () => undefined,
  };
}

/** The same devices under the names of the resources that their classes stand for. */
function asExtended(own: ResourceList, classes: readonly DeviceClass[]): ResourceList {
  const usage: Record<string, string> = {};
  for (const [name, count] of Object.entries(own)) {
    const className = name.slice(0, -CLASS_SUFFIX.length);
    usage[`${REQUESTS}${DEVICE_CLASS_PREFIX}${className}`] = count;
    const explicit = classes.find(({ metadata }) => metadata.name === className)?.spec.extendedResourceName;
    if (explicit !== undefined) usage[`${REQUESTS}${explicit}`] = count;
  }
  return usage;
}

/** A pod that asks for extended resources is counted itself; the claim that stands for them counts for what is more. */
function beyondPod(
  usage: ResourceList,
  claim: ResourceClaim,
  around: ClaimSurroundings,
  nowMs: number,
): ResourceList {
  const pod = podOf(claim, around);
  const counted = pod === undefined ? {} : podEvaluator.usage(pod, nowMs);
  const left: Record<string, string> = {};
  for (const [name, amount] of Object.entries(usage)) {
    const more = subQuantity(parseQuantity(amount), parseQuantity(counted[name] ?? "0"));
    if (signOf(more) > 0) left[name] = formatQuantity(more);
  }
  return left;
}

/** The pod whose extended resources the claim stands for; undefined if that is not beyond doubt. */
function podOf(claim: ResourceClaim, { pod: find, claims }: ClaimSurroundings): Pod | undefined {
  const { metadata } = claim;
  const owner = controllerOf(claim);
  if (metadata.annotations?.[EXTENDED_RESOURCE_CLAIM] !== "true") return undefined;
  if (owner?.kind !== "Pod" || owner.apiVersion !== "v1") return undefined;
  const namespace = metadata.namespace ?? "";
  const pod = find(namespace, owner.name);
  if (pod === undefined || pod.metadata.uid !== owner.uid) return undefined;
  const named = pod.status?.extendedResourceClaimStatus;
  if (named !== undefined) return named.resourceClaimName === metadata.name ? pod : undefined;
  const others = claims(namespace).filter(
    (other) =>
      other.metadata.annotations?.[EXTENDED_RESOURCE_CLAIM] === "true" &&
      controllerOf(other)?.uid === owner.uid,
  );
  return others.some((other) => isBefore(other, claim)) ? undefined : pod;
}

/** One that is being created has no time yet: it is the last. */
function isBefore({ metadata: a }: ResourceClaim, { metadata: b }: ResourceClaim): boolean {
  const [createdA, createdB] = [a.creationTimestamp ?? "9", b.creationTimestamp ?? "9"];
  return createdA === createdB ? a.name < b.name : createdA < createdB;
}

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
