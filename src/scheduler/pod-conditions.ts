/** What the scheduler writes into the status of a pod it cannot place. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { formatTime } from "#apimachinery";

/** A strategic merge patch of the status; undefined if the pod says it already. */
export function withScheduledFalse(
  pod: Pod,
  message: string,
  nominatedNodeName: string | undefined,
  nowMs: number,
): Readonly<Record<string, unknown>> | undefined {
  const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const isSame = old?.status === "False" && old.reason === "Unschedulable" && old.message === message;
  const isNominated = nominatedNodeName === undefined || pod.status?.nominatedNodeName === nominatedNodeName;
  if (isSame && isNominated) return undefined;
  const lastTransitionTime = old?.status === "False" ? old.lastTransitionTime : formatTime(nowMs);
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastProbeTime: null, // JSON has no other way to say that it never was
    lastTransitionTime,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
  };
  return {
    status: { conditions: [condition], ...(nominatedNodeName !== undefined && { nominatedNodeName }) },
  };
}
