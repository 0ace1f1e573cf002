/** What the scheduler writes into the status of pods. @module */
import type { Pod, PodCondition } from "#api/core/v1/types.gen";
import { formatTime } from "#apimachinery";

/** A strategic merge patch of a pod's status. */
export type StatusPatch = Readonly<Record<string, unknown>>;

export interface ScheduledFalse {
  readonly reason: "Unschedulable" | "SchedulerError";
  readonly message: string;
  /** undefined: as it is. Empty: none any more. */
  readonly nominatedNodeName: string | undefined;
}

/** Why a pod waits, and which node it was promised; undefined if the pod says it already. */
export function withScheduledFalse(
  pod: Pod,
  { reason, message, nominatedNodeName }: ScheduledFalse,
  nowMs: number,
): StatusPatch | undefined {
  const condition = changed(pod, { type: "PodScheduled", status: "False", reason, message }, nowMs);
  const nominated = pod.status?.nominatedNodeName ?? "";
  const isNominated = nominatedNodeName === undefined || nominated === nominatedNodeName;
  if (condition === undefined && isNominated) return undefined;
  return {
    status: {
      ...(condition !== undefined && { conditions: [condition] }),
      ...(!isNominated && { nominatedNodeName: nominatedNodeName === "" ? null : nominatedNodeName }),
    },
  };
}

/** Tells a victim that it goes for a more important pod; undefined if it was told already. */
export function withDisruptionTarget(
  pod: Pod,
  schedulerName: string,
  nowMs: number,
): StatusPatch | undefined {
  const reason = PREEMPTION_BY_SCHEDULER;
  const message = `${schedulerName}: preempting to accommodate a higher priority pod`;
  const condition = changed(pod, { type: "DisruptionTarget", status: "True", reason, message }, nowMs);
  return condition === undefined ? undefined : { status: { conditions: [condition] } };
}

/** Whether the pod is going because a scheduler sent it away. */
export function isTerminatingByPreemption({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  return (status?.conditions ?? []).some(
    (condition) =>
      condition.type === "DisruptionTarget" &&
      condition.status === "True" &&
      condition.reason === PREEMPTION_BY_SCHEDULER,
  );
}

const PREEMPTION_BY_SCHEDULER = "PreemptionByScheduler";

function changed(
  { metadata, status }: Pod,
  condition: Pick<PodCondition, "type" | "status" | "reason" | "message">,
  nowMs: number,
): object | undefined {
  const old = status?.conditions?.find(({ type }) => type === condition.type);
  const isSameStatus = old?.status === condition.status;
  if (isSameStatus && old.reason === condition.reason && old.message === condition.message) return undefined;
  return {
    ...condition,
    lastProbeTime: null, // JSON has no other way to say that it never was
    lastTransitionTime: isSameStatus ? old.lastTransitionTime : formatTime(nowMs),
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
  };
}
