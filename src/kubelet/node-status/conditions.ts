/** The conditions of a node. Pure; reasons and messages are upstream's. @module */
import type { NodeCondition } from "#api/core/v1/types.gen";
import type { RuntimeCondition } from "#cri";
import type { NodeUsage } from "../platform/platform.ts";

/** Below these amounts the node says that it is under pressure. */
export interface PressureThresholds {
  readonly memoryAvailableBytes: number;
  /** Parts of one. */
  readonly fsAvailable: number;
  readonly fsInodesFree: number;
  readonly pidsAvailable: number;
}

/** Upstream's hard eviction thresholds; it has none for processes. */
export const DEFAULT_THRESHOLDS: PressureThresholds = {
  memoryAvailableBytes: 100 * 2 ** 20,
  fsAvailable: 0.1,
  fsInodesFree: 0.05,
  pidsAvailable: 0,
};

/** Undefined runtime conditions: it does not answer; `runtimeError` says why. */
export interface ConditionFacts {
  readonly usage: NodeUsage;
  readonly thresholds: PressureThresholds;
  readonly runtimeConditions: readonly RuntimeCondition[] | undefined;
  readonly runtimeError: string;
}

type Value = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

export function nodeConditions(
  facts: ConditionFacts,
  previous: readonly NodeCondition[],
  now: string,
): readonly NodeCondition[] {
  const { usage, thresholds } = facts;
  const memory = usage.memoryAvailableBytes < thresholds.memoryAvailableBytes;
  const disk =
    below(usage.fsAvailableBytes, usage.fsCapacityBytes, thresholds.fsAvailable) ||
    below(usage.fsInodesFree, usage.fsInodes, thresholds.fsInodesFree);
  const pids = below(usage.processesMax - usage.processes, usage.processesMax, thresholds.pidsAvailable);
  const values: readonly Value[] = [
    memory
      ? pressure(
          "MemoryPressure",
          "KubeletHasInsufficientMemory",
          "kubelet has insufficient memory available",
        )
      : fine("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    disk
      ? pressure("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure")
      : fine("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    pids
      ? pressure("PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available")
      : fine("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    readyCondition(facts),
  ];
  return values.map((value) => {
    const before = previous.find(({ type }) => type === value.type);
    const same = before?.status === value.status && before.lastTransitionTime !== undefined;
    return { ...value, lastHeartbeatTime: now, lastTransitionTime: same ? before.lastTransitionTime : now };
  });
}

function readyCondition({ runtimeConditions, runtimeError }: ConditionFacts): Value {
  const errors: string[] = [];
  if (runtimeConditions === undefined) errors.push(`container runtime is down: ${runtimeError}`);
  const labels = {
    RuntimeReady: "container runtime not ready",
    NetworkReady: "container runtime network not ready",
  };
  for (const [type, label] of Object.entries(labels)) {
    const condition = runtimeConditions?.find((c) => c.type === type);
    if (condition === undefined || condition.status) continue;
    errors.push(`${label}: ${describeCondition(condition)}`);
  }
  if (errors.length === 0) {
    return {
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "kubelet is posting ready status",
    };
  }
  const message = errors.length === 1 ? errors[0]! : `[${errors.join(", ")}]`;
  return { type: "Ready", status: "False", reason: "KubeletNotReady", message };
}

function describeCondition({ type, status, reason, message }: RuntimeCondition): string {
  return `${type}=${status} reason:${reason} message:${message}`;
}

function below(available: number, capacity: number, part: number): boolean {
  return capacity > 0 && available < capacity * part;
}

function pressure(type: string, reason: string, message: string): Value {
  return { type, status: "True", reason, message };
}

function fine(type: string, reason: string, message: string): Value {
  return { type, status: "False", reason, message };
}
