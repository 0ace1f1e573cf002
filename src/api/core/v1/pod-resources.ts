/** What a pod asks for as a whole: requests and limits of its containers, init containers and overhead. @module */
import { addQuantity, compareAmounts, formatQuantity, parseQuantity } from "#apimachinery";
import type { Container, PodSpec } from "./types.gen.ts";

export type ResourceList = Readonly<Record<string, string>>;

/** Resources that `spec.resources` of a pod may name. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

/** What the scheduler must find free for the pod, overhead included. */
export function podRequests(spec: PodSpec): ResourceList {
  return withOverhead(
    { ...aggregateContainerRequests(spec), ...podLevel(spec.resources?.requests) },
    spec.overhead,
  );
}

/** The bound of the pod; a resource that some container leaves unbounded is bounded by the others alone, as upstream. */
export function podLimits(spec: PodSpec): ResourceList {
  const limits = { ...aggregateContainerLimits(spec), ...podLevel(spec.resources?.limits) };
  // Overhead widens limits and makes none.
  const overhead = Object.entries(spec.overhead ?? {}).filter(([name]) => name in limits);
  return withOverhead(limits, Object.fromEntries(overhead));
}

export function aggregateContainerRequests(spec: PodSpec): ResourceList {
  return aggregate(spec, (container) => container.resources?.requests ?? {});
}

export function aggregateContainerLimits(spec: PodSpec): ResourceList {
  return aggregate(spec, (container) => container.resources?.limits ?? {});
}

/**
 * Containers and sidecars run together, so they add up; an init container runs alone beside the sidecars that started
 * before it, so the highest of those moments counts (KEP-753).
 */
function aggregate(spec: PodSpec, resourcesOf: (container: Container) => ResourceList): ResourceList {
  let sidecars: ResourceList = {};
  let initPeak: ResourceList = {};
  for (const container of spec.initContainers ?? []) {
    const own = resourcesOf(container);
    const moment = addResources(sidecars, own);
    if (container.restartPolicy === "Always") sidecars = moment;
    initPeak = maxResources(initPeak, moment);
  }
  let running = sidecars;
  for (const container of spec.containers) running = addResources(running, resourcesOf(container));
  return maxResources(running, initPeak);
}

export function addResources(a: ResourceList, b: ResourceList): ResourceList {
  return merge(a, b, (x, y) => formatQuantity(addQuantity(parseQuantity(x), parseQuantity(y))));
}

export function maxResources(a: ResourceList, b: ResourceList): ResourceList {
  return merge(a, b, (x, y) => (compareAmounts(x, y) >= 0 ? x : y));
}

function merge(a: ResourceList, b: ResourceList, combine: (x: string, y: string) => string): ResourceList {
  const names = Object.keys(b);
  if (names.length === 0) return a;
  const out: Record<string, string> = { ...a };
  for (const name of names) {
    const current = out[name];
    out[name] = current === undefined ? b[name]! : combine(current, b[name]!);
  }
  return out;
}

function withOverhead(list: ResourceList, overhead: ResourceList | undefined): ResourceList {
  return overhead === undefined ? list : addResources(list, overhead);
}

function podLevel(list: ResourceList | undefined): ResourceList {
  return Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => isPodLevelResource(name)));
}
