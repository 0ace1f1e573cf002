/** What resources a pod was granted, apart from what its spec asks for since (KEP-1287). Pure. @module */
import { compareQuantity, parseQuantity, sameQuantities } from "#apimachinery";
import type { Container, Pod, PodSpec, ResourceRequirements } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, specOf } from "../container/pod-spec.ts";
import { podRequests } from "../container/resources.ts";

export interface PodAllocation {
  /** Of the pod as a whole. */
  readonly pod?: ResourceRequirements;
  readonly containers: Readonly<Record<string, ResourceRequirements>>;
}

/** Ephemeral containers have no resources. */
export function allocationOf(pod: Pod): PodAllocation {
  const { resources } = specOf(pod);
  const all = [...initContainersOf(pod), ...containersOf(pod)];
  return {
    ...(resources !== undefined && { pod: resources }),
    containers: Object.fromEntries(all.map((container) => [container.name, container.resources ?? {}])),
  };
}

/** The pod with the resources it was granted instead of those it asks for; the very same when they do not differ. */
export function withAllocation(pod: Pod, allocation: PodAllocation | undefined): Pod {
  if (allocation === undefined || isAllocated(pod, allocation)) return pod;
  const spec = specOf(pod);
  const granted = (container: Container): Container => {
    const resources = allocation.containers[container.name];
    return resources === undefined ? container : { ...container, resources };
  };
  const { resources: _asked, ...rest } = spec;
  const next: PodSpec = {
    ...rest,
    ...(allocation.pod !== undefined && { resources: allocation.pod }),
    containers: spec.containers.map(granted),
    ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(granted) }),
  };
  return { ...pod, spec: next };
}

/** Whether the pod asks for exactly what it was granted. */
export function isAllocated(pod: Pod, allocation: PodAllocation): boolean {
  if (!sameResources(specOf(pod).resources, allocation.pod)) return false;
  return [...initContainersOf(pod), ...containersOf(pod)].every(({ name, resources }) => {
    const granted = allocation.containers[name];
    return granted === undefined || sameResources(resources, granted);
  });
}

/** By value: `1` is as much as `1000m`. */
export function sameResources(
  a: ResourceRequirements | undefined,
  b: ResourceRequirements | undefined,
): boolean {
  return sameQuantities(a?.requests, b?.requests) && sameQuantities(a?.limits, b?.limits);
}

/** Requests of both, resource by resource the larger one; limits as in the first. */
export function largestAllocation(
  a: PodAllocation | undefined,
  b: PodAllocation | undefined,
): PodAllocation | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const containers = Object.entries(a.containers).map(([name, own]) => [
    name,
    largest(own, b.containers[name]),
  ]);
  return {
    ...(a.pod !== undefined && { pod: largest(a.pod, b.pod) }),
    containers: Object.fromEntries(containers),
  };
}

function largest(a: ResourceRequirements, b: ResourceRequirements | undefined): ResourceRequirements {
  const requests: Record<string, string> = { ...a.requests };
  for (const [name, amount] of Object.entries(b?.requests ?? {})) {
    const own = requests[name];
    if (own === undefined || compareQuantity(parseQuantity(own), parseQuantity(amount)) < 0)
      requests[name] = amount;
  }
  return Object.keys(requests).length === 0 ? a : { ...a, requests };
}

/** Whether `after` reserves more of the node than `before`. */
export function isIncrease(before: Pod, after: Pod): boolean {
  return ["cpu", "memory"].some((name) => podRequests(after, name) > podRequests(before, name));
}
