/** What a StatefulSet's status says of its pods. @module */
import type { StatefulSet, StatefulSetStatus } from "#api/apps/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { nonZero } from "../counts.ts";
import { isPodReady, podAvailableInMs } from "#api/core/v1/pod-state";
import { revisionOf } from "./identity.ts";

export interface Revisions {
  /** Names of ControllerRevisions. */
  readonly current: string;
  readonly update: string;
  readonly collisionCount: number;
}

export function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isPodReady(pod);
}

export function isAvailable(set: StatefulSet, pod: Pod, nowMs: number): boolean {
  return podAvailableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;
}

export function isUnavailable(set: StatefulSet, pod: Pod, nowMs: number): boolean {
  return isTerminating(pod) || !isAvailable(set, pod, nowMs);
}

/** `leaving` are pods of the current revision that this reconcile deletes to update them. */
export function planStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  { current, update, collisionCount }: Revisions,
  leaving: number,
  nowMs: number,
): StatefulSetStatus {
  const ready = pods.filter(isRunningAndReady);
  const staying = pods.filter((pod) => !isTerminating(pod));
  const updated = staying.filter((pod) => revisionOf(pod) === update).length;
  const wanted = set.spec?.replicas ?? 1;
  const isRolling = (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
  const isComplete = isRolling && updated === wanted && ready.length === wanted && pods.length === wanted;
  const stillCurrent = staying.filter((pod) => revisionOf(pod) === current).length - leaving;
  const { conditions } = set.status ?? {};
  return {
    replicas: pods.length,
    ...nonZero({
      observedGeneration: set.metadata.generation ?? 0,
      readyReplicas: ready.length,
      currentReplicas: isComplete ? updated : Math.max(stillCurrent, 0),
      updatedReplicas: updated,
    }),
    availableReplicas: ready.filter((pod) => isAvailable(set, pod, nowMs)).length,
    currentRevision: isComplete ? update : current,
    updateRevision: update,
    collisionCount,
    ...(conditions !== undefined && { conditions }),
  };
}

/** When a ready pod becomes available by the mere passing of time, in ms from `nowMs`. */
export function nextAvailabilityInMs(
  set: StatefulSet,
  pods: readonly Pod[],
  nowMs: number,
): number | undefined {
  const waits = pods.map((pod) => podAvailableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs));
  const positive = waits.filter((ms): ms is number => ms !== undefined && ms > 0);
  return positive.length === 0 ? undefined : Math.min(...positive);
}
