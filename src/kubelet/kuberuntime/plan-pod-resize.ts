/** In which order the cgroups of a pod and of its containers change, so that containers never have more than their pod. Pure. @module */
import type { CgroupResources } from "../platform/platform.ts";
import type { ContainerUpdate, ResizeActions } from "../pod-workers/actions.ts";

/** One step: the pod's own cgroup, or one container. */
export type ResizeStep = { readonly pod: CgroupResources } | { readonly container: ContainerUpdate };

/** `current` as the kernel has it; absent: no limit, or not known. `desired` without a limit leaves it as it is. */
export function planPodResize(
  current: CgroupResources,
  desired: CgroupResources,
  { memory, cpu, updatePod }: ResizeActions,
): readonly ResizeStep[] {
  return [
    ...(memory.length > 0 || updatePod ? planMemory(current, desired, memory) : []),
    ...(cpu.length > 0 || updatePod ? planCpu(current, desired, cpu) : []),
  ];
}

function planMemory(
  current: CgroupResources,
  { memoryLimitBytes }: CgroupResources,
  updates: readonly ContainerUpdate[],
): readonly ResizeStep[] {
  const pod = memoryLimitBytes === undefined ? [] : [{ pod: { memoryLimitBytes } }];
  const grow = compare(memoryLimitBytes, current.memoryLimitBytes);
  return around(updates, grow > 0 ? pod : [], grow < 0 ? pod : []);
}

function planCpu(
  current: CgroupResources,
  { cpuShares, cpuQuotaUs, cpuPeriodUs }: CgroupResources,
  updates: readonly ContainerUpdate[],
): readonly ResizeStep[] {
  const quota =
    cpuQuotaUs === undefined
      ? []
      : [{ pod: { cpuQuotaUs, ...(cpuPeriodUs !== undefined && { cpuPeriodUs }) } }];
  const shares = cpuShares === undefined ? [] : [{ pod: { cpuShares } }];
  const byQuota = compare(cpuQuotaUs, current.cpuQuotaUs);
  const byShares = cpuShares === undefined ? 0 : Math.sign(cpuShares - (current.cpuShares ?? 0));
  // Limits grow before requests and shrink after them.
  return around(
    updates,
    [...(byQuota > 0 ? quota : []), ...(byShares > 0 ? shares : [])],
    [...(byShares < 0 ? shares : []), ...(byQuota < 0 ? quota : [])],
  );
}

function around(
  updates: readonly ContainerUpdate[],
  before: readonly ResizeStep[],
  after: readonly ResizeStep[],
): readonly ResizeStep[] {
  return [...before, ...updates.map((container) => ({ container })), ...after];
}

/** No limit is more than any. Nothing desired is no change. */
function compare(desired: number | undefined, current: number | undefined): number {
  if (desired === undefined || desired === current) return 0;
  return current === undefined || desired < current ? -1 : 1;
}

/** What is used, in bytes; undefined: not measured. */
export interface MemoryUse {
  readonly pod: number | undefined;
  readonly containers: Readonly<Record<string, number | undefined>>;
}

/** Whose memory limit sinks. */
export function sinkingLimits(
  current: CgroupResources,
  { memoryLimitBytes }: CgroupResources,
  { memory }: ResizeActions,
): { readonly pod: number | undefined; readonly containers: Readonly<Record<string, number>> } {
  const containers = memory.flatMap(({ container, desired, current: before }) => {
    const { memoryLimit = 0 } = desired;
    return memoryLimit > 0 && compare(memoryLimit, before.memoryLimit) < 0
      ? [[container.name, memoryLimit] as const]
      : [];
  });
  const pod = compare(memoryLimitBytes, current.memoryLimitBytes) < 0 ? memoryLimitBytes : undefined;
  return { pod, containers: Object.fromEntries(containers) };
}

/** Why the limits must not sink now: what is in use would be killed for it. */
export function refusedLimits(sinking: ReturnType<typeof sinkingLimits>, use: MemoryUse): string | undefined {
  const errors: string[] = [];
  if (sinking.pod !== undefined) {
    if (use.pod === undefined) errors.push("missing pod memory usage");
    else if (use.pod >= sinking.pod)
      errors.push(`attempting to set pod memory limit (${sinking.pod}) below current usage (${use.pod})`);
  }
  for (const [name, limit] of Object.entries(sinking.containers)) {
    const used = use.containers[name];
    const quoted = JSON.stringify(name);
    if (used === undefined) errors.push(`missing container ${quoted} memory usage`);
    else if (used >= limit)
      errors.push(
        `attempting to set container ${quoted} memory limit (${limit}) below current usage (${used})`,
      );
  }
  if (errors.length === 0) return undefined;
  return `cannot decrease memory limits: ${errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`}`;
}
