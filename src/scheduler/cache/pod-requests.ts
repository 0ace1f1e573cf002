/** What a pod counts for on its node: the larger of its init phase and its run phase, plus overhead. @module */
import { isResizeInfeasible } from "#api/core/v1/pod-effective-resources";
import { isPodLevelResource } from "#api/core/v1/pod-resources";
import type { Container, ContainerStatus, Pod } from "#api/core/v1/types.gen";
import {
  addResources,
  maxResources,
  noResources,
  readResources,
  type Quantities,
  type Resources,
} from "./resources.ts";

/** Upstream's `DefaultMilliCPURequest` and `DefaultMemoryRequest`. */
const MILLI_CPU_FLOOR = 100;
const MEMORY_FLOOR = 200 * 1024 * 1024;

/**
 * Init containers run one after another, those with restartPolicy Always (sidecars) stay: each init container needs its own
 * plus the sidecars started before it; in the end all containers and all sidecars run together (KEP-753). Requests of the
 * pod as a whole replace the sums of its containers, resource by resource (KEP-2837). `isNonZero` gives containers that ask
 * for nothing upstream's floor.
 */
export function podRequests(pod: Pod, isNonZero: boolean): Resources {
  const { containers, initContainers = [], overhead, resources } = pod.spec ?? { containers: [] };
  const total = noResources();
  for (const container of containers) addResources(total, containerRequests(pod, container, isNonZero), 1);
  if (initContainers.length > 0) addInitPhase(total, pod, initContainers, isNonZero);
  if (resources?.requests !== undefined) replaceByPodLevel(total, pod, resources.requests);
  if (overhead !== undefined) addResources(total, readResources(overhead), 1);
  return total;
}

function addInitPhase(
  total: Resources,
  pod: Pod,
  initContainers: readonly Container[],
  isNonZero: boolean,
): void {
  const sidecars = noResources();
  const initPeak = noResources();
  for (const container of initContainers) {
    const own = containerRequests(pod, container, isNonZero);
    const together = noResources();
    addResources(together, sidecars, 1);
    addResources(together, own, 1);
    maxResources(initPeak, together);
    if (container.restartPolicy === "Always") addResources(sidecars, own, 1);
  }
  addResources(total, sidecars, 1);
  maxResources(total, initPeak);
}

function replaceByPodLevel(total: Resources, pod: Pod, requests: Quantities): void {
  const names = Object.keys(requests).filter(isPodLevelResource);
  const { status = {} } = pod;
  const effective =
    status.resources === undefined
      ? readResources(requests)
      : inResize(pod, requests, status.resources.requests, status.allocatedResources);
  for (const name of names) {
    if (name === "cpu") total.milliCPU = effective.milliCPU;
    else if (name === "memory") total.memory = effective.memory;
    else (total.scalar ??= new Map()).set(name, effective.scalar?.get(name) ?? 0);
  }
}

function containerRequests(pod: Pod, container: Container, isNonZero: boolean): Resources {
  const wanted = container.resources?.requests;
  const status = statusOf(pod, container);
  const requests =
    status?.resources === undefined
      ? readResources(wanted)
      : inResize(pod, wanted, status.resources.requests, status.allocatedResources);
  if (!isNonZero) return requests;
  if (wanted?.["cpu"] === undefined && requests.milliCPU === 0) requests.milliCPU = MILLI_CPU_FLOOR;
  if (wanted?.["memory"] === undefined && requests.memory === 0) requests.memory = MEMORY_FLOOR;
  return requests;
}

/** Only of containers that run until the end: others are never resized. */
function statusOf({ spec, status }: Pod, { name, restartPolicy }: Container): ContainerStatus | undefined {
  const inSpec = spec?.containers.some((container) => container.name === name) === true;
  if (inSpec) return status?.containerStatuses?.find((own) => own.name === name);
  if (restartPolicy !== "Always") return undefined;
  return status?.initContainerStatuses?.find((own) => own.name === name);
}

/** While a pod is resized it counts for the most of what it asks, what it was granted, and what it has (KEP-1287). */
function inResize(
  pod: Pod,
  wanted: Quantities | undefined,
  actual: Quantities | undefined,
  allocated: Quantities | undefined,
): Resources {
  const result = readResources(actual);
  maxResources(result, readResources(allocated));
  if (!isResizeInfeasible(pod)) maxResources(result, readResources(wanted));
  return result;
}
