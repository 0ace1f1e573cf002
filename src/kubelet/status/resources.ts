/** The resources that a container or a pod really has, as its status tells them. Pure. @module */
import { formatQuantity, newMilliQuantity, newQuantity } from "#apimachinery";
import { podLimits, podRequests } from "#api/core/v1/pod-resources";
import type { Container, Pod, PodStatus, ResourceRequirements } from "#api/core/v1/types.gen";
import { type PodAllocation, withAllocation } from "../allocation/pod-allocation.ts";
import { specOf } from "../container/pod-spec.ts";
import { amountOf, quotaToMilliCPU, sharesToMilliCPU } from "../container/resources.ts";
import type { RuntimeContainer } from "../container/runtime-pod.ts";

/** What the kernel cannot express is told as it was granted. */
const MILLI_CPU_REQUEST_MIN = 2;
const MILLI_CPU_LIMIT_MIN = 10;

type ResourceList = Readonly<Record<string, string>>;

/** Of a running container as the runtime has set them, where it says so, else as kubelet asked for last; of others as they were granted. */
export function statusResources(
  { resources = {} }: Container,
  current: RuntimeContainer,
  actuated: ResourceRequirements | undefined,
): ResourceRequirements {
  if (current.state !== "running") return resources;
  const { requests, limits } = resources;
  const has = current.resources;
  const cpuRequest = has?.cpuShares === undefined ? undefined : sharesToMilliCPU(has.cpuShares);
  const quota = has?.cpuQuota ?? 0;
  const cpuLimit = quota > 0 ? quotaToMilliCPU(quota, has?.cpuPeriod ?? 0) : undefined;
  const memoryLimit = has?.memoryLimitInBytes ?? 0;
  return {
    ...resources,
    ...(requests !== undefined && {
      requests: {
        ...requests,
        ...pick(actuated?.requests),
        ...cpu(cpuRequest, amountOf(requests, "cpu"), MILLI_CPU_REQUEST_MIN),
      },
    }),
    ...(limits !== undefined && {
      limits: {
        ...limits,
        ...pick(actuated?.limits),
        ...cpu(cpuLimit, amountOf(limits, "cpu"), MILLI_CPU_LIMIT_MIN),
        ...(memoryLimit > 0 && { memory: formatQuantity(newQuantity(memoryLimit, "BinarySI")) }),
      },
    }),
  };
}

function cpu(actual: number | undefined, granted = 0, min: number): ResourceList {
  if (actual === undefined || (actual <= min && granted <= min)) return {};
  return { cpu: formatQuantity(newMilliQuantity(actual)) };
}

function pick(list: ResourceList = {}): ResourceList {
  return Object.fromEntries(Object.entries(list).filter(([name]) => name === "cpu" || name === "memory"));
}

/** Of pods that have resources as a whole. */
export function podLevelResources(
  pod: Pod,
  actuated: PodAllocation | undefined,
): Pick<PodStatus, "resources" | "allocatedResources"> {
  const spec = specOf(pod);
  if (spec.resources === undefined) return {};
  const has = specOf(actuated?.pod === undefined ? pod : withAllocation(pod, actuated));
  return {
    resources: { requests: podRequests(has), limits: podLimits(has) },
    allocatedResources: podRequests(spec),
  };
}
