/** What the node has and has left, signal by signal. Pure. @module */
import type { NodeUsage, PodsMemory } from "../platform/platform.ts";
import type { RuntimeFsStats } from "../stats/fs-stats.ts";
import type { Observations } from "./plan-pressure.ts";

export interface NodeState {
  readonly usage: NodeUsage;
  readonly podsMemory: PodsMemory | undefined;
  readonly runtimeFs: RuntimeFsStats | undefined;
  readonly nowMs: number;
}

export function observe({ usage, podsMemory, runtimeFs, nowMs: time }: NodeState): Observations {
  const { memoryAvailableBytes, memoryWorkingSetBytes, processes, processesMax } = usage;
  const limit = podsMemory?.limitBytes;
  return {
    "memory.available": {
      available: memoryAvailableBytes,
      capacity: memoryAvailableBytes + memoryWorkingSetBytes,
      time,
    },
    ...(podsMemory !== undefined &&
      limit !== undefined && {
        "allocatableMemory.available": {
          available: Math.max(0, limit - podsMemory.workingSetBytes),
          capacity: limit,
          time: podsMemory.time,
        },
      }),
    "nodefs.available": { available: usage.fsAvailableBytes, capacity: usage.fsCapacityBytes, time },
    // File systems that make inodes as they go have none to tell.
    ...(usage.fsInodes > 0 && {
      "nodefs.inodesFree": { available: usage.fsInodesFree, capacity: usage.fsInodes, time },
    }),
    ...(runtimeFs !== undefined && {
      ...fsSignals("imagefs", runtimeFs.imageFs),
      ...fsSignals("containerfs", runtimeFs.containerFs),
    }),
    ...(processesMax > 0 && {
      "pid.available": { available: processesMax - processes, capacity: processesMax, time },
    }),
  };
}

function fsSignals(
  name: "imagefs" | "containerfs",
  { availableBytes, capacityBytes, inodes, inodesFree, time }: RuntimeFsStats["imageFs"],
): Observations {
  return {
    [`${name}.available`]: { available: availableBytes, capacity: capacityBytes, time },
    ...(inodes > 0 && { [`${name}.inodesFree`]: { available: inodesFree, capacity: inodes, time } }),
  };
}
