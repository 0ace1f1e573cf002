/** The conditions of a node. Pure; reasons and messages are upstream's. @module */
import type { NodeCondition } from "#api/core/v1/types.gen";
import type { RuntimeCondition } from "#cri";
import type { PressureCondition } from "../eviction/thresholds.ts";

/** Undefined runtime conditions: it does not answer; `runtimeError` says why. */
export interface ConditionFacts {
  /** What the node lacks. */
  readonly pressure: readonly PressureCondition[];
  readonly runtimeConditions: readonly RuntimeCondition[] | undefined;
  readonly runtimeError: string;
  /** The machine is about to go. */
  readonly shutdownError?: string | undefined;
}

type Value = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

export function nodeConditions(
  facts: ConditionFacts,
  previous: readonly NodeCondition[],
  now: string,
): readonly NodeCondition[] {
  const [memory, disk, pids] = (["MemoryPressure", "DiskPressure", "PIDPressure"] as const).map((type) =>
    facts.pressure.includes(type),
  );
  const values: readonly Value[] = [
    memory === true
      ? pressure(
          "MemoryPressure",
          "KubeletHasInsufficientMemory",
          "kubelet has insufficient memory available",
        )
      : fine("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    disk === true
      ? pressure("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure")
      : fine("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    pids === true
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

function readyCondition({ runtimeConditions, runtimeError, shutdownError }: ConditionFacts): Value {
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
  if (shutdownError !== undefined) errors.push(shutdownError);
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

function pressure(type: string, reason: string, message: string): Value {
  return { type, status: "True", reason, message };
}

function fine(type: string, reason: string, message: string): Value {
  return { type, status: "False", reason, message };
}
