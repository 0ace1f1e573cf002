/** Gives the running containers of a pod the resources that it was granted. @module */
import { formatQuantity, newMilliQuantity, newQuantity } from "#apimachinery";
import type { Container, Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { isRuntimeUnimplemented, type ContainerStats, type RuntimeService } from "#cri";
import type { ResourceState } from "../allocation/resource-state.ts";
import { CONTAINER_NAME_LABEL } from "../container/labels.ts";
import { specOf, uidOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import {
  containerResources,
  podCgroupResources,
  type ContainerAmounts,
  type ResourcePolicy,
} from "../container/resources.ts";
import type { CgroupResources, PodCgroups } from "../platform/platform.ts";
import type { ContainerUpdate, ResizeActions } from "../pod-workers/actions.ts";
import { planPodResize, refusedLimits, sinkingLimits, type MemoryUse } from "./plan-pod-resize.ts";

export interface Resizer {
  readonly runtime: RuntimeService;
  readonly cgroups: PodCgroups;
  readonly actuated: ResourceState;
  readonly resourcePolicy: ResourcePolicy;
}

/** Rejects at the first step that fails; what is left is done by the next sync. */
export async function resizePod(
  { runtime, cgroups, actuated, resourcePolicy }: Resizer,
  pod: Pod,
  sandboxId: string,
  actions: ResizeActions,
  signal: AbortSignal,
): Promise<void> {
  const uid = uidOf(pod);
  const qos = qosClassOf(pod);
  const desired = podCgroupResources(pod, resourcePolicy);
  const current = await cgroups.readPod(uid, qos);
  const sinking = sinkingLimits(current, desired, actions);
  if (sinking.pod !== undefined || Object.keys(sinking.containers).length > 0) {
    const refused = refusedLimits(sinking, await memoryUse(runtime, sandboxId, signal));
    if (refused !== undefined) throw new Error(refused);
  }
  const has = new Map<string, ContainerAmounts>();
  let whole: CgroupResources = current;
  for (const step of planPodResize(current, desired, actions)) {
    if ("pod" in step) {
      whole = { ...whole, ...step.pod };
      await tellSandbox(runtime, sandboxId, whole, signal);
      await cgroups.updatePod(uid, qos, step.pod);
    } else {
      const amounts = reached(step.container, has.get(step.container.id));
      const container = withAmounts(step.container.container, amounts);
      const linux = containerResources(container, pod, resourcePolicy);
      await runtime.updateContainerResources(step.container.id, { linux }, signal);
      has.set(step.container.id, amounts);
      actuated.setContainer(uid, container.name, container.resources!);
    }
  }
  const { resources } = specOf(pod);
  if (resources !== undefined) actuated.setPod(uid, resources);
}

/** Runtimes that do not want to know of it need not. */
async function tellSandbox(
  runtime: RuntimeService,
  sandboxId: string,
  { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes }: CgroupResources,
  signal: AbortSignal,
): Promise<void> {
  const resources = {
    ...(cpuShares !== undefined && { cpuShares }),
    ...(cpuQuotaUs !== undefined && { cpuQuota: cpuQuotaUs }),
    ...(cpuPeriodUs !== undefined && { cpuPeriod: cpuPeriodUs }),
    ...(memoryLimitBytes !== undefined && { memoryLimitInBytes: memoryLimitBytes }),
  };
  try {
    await runtime.updatePodSandboxResources(sandboxId, { resources }, signal);
  } catch (err) {
    if (!isRuntimeUnimplemented(err)) throw err;
  }
}

/** What the container has after this update: the other resource stays as it is. */
function reached({ resource, desired, current }: ContainerUpdate, has = current): ContainerAmounts {
  const { cpuRequest, cpuLimit } = resource === "cpu" ? desired : has;
  const { memoryRequest, memoryLimit } = resource === "memory" ? desired : has;
  return { cpuRequest, cpuLimit, memoryRequest, memoryLimit };
}

function withAmounts(container: Container, amounts: ContainerAmounts): Container {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const resources: ResourceRequirements = {
    ...container.resources,
    requests: { ...without(requests), ...listOf(amounts.cpuRequest, amounts.memoryRequest) },
    limits: { ...without(limits), ...listOf(amounts.cpuLimit, amounts.memoryLimit) },
  };
  return { ...container, resources };
}

function listOf(cpu: number | undefined, memory: number | undefined): Readonly<Record<string, string>> {
  return {
    ...(cpu !== undefined && { cpu: formatQuantity(newMilliQuantity(cpu)) }),
    ...(memory !== undefined && { memory: formatQuantity(newQuantity(memory, "BinarySI")) }),
  };
}

function without({ cpu: _cpu, memory: _memory, ...rest }: Readonly<Record<string, string>>): object {
  return rest;
}

async function memoryUse(
  runtime: RuntimeService,
  podSandboxId: string,
  signal: AbortSignal,
): Promise<MemoryUse> {
  const stats = await runtime.listContainerStats({ podSandboxId }, signal);
  const containers = Object.fromEntries(
    stats.map((one) => [
      one.attributes.labels[CONTAINER_NAME_LABEL] ?? one.attributes.metadata.name,
      usedBy(one),
    ]),
  );
  const known = Object.values(containers).filter((bytes) => bytes !== undefined);
  const pod = known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
  return { pod, containers };
}

function usedBy({ memory }: ContainerStats): number | undefined {
  return memory?.usageBytes ?? memory?.workingSetBytes;
}
