/** The decisions of the ReplicaSet controller, without clock, cache or network. @module */
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from "#api/apps/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { nonZero } from "../counts.ts";
import { isPodReady, podAvailableInMs } from "#api/core/v1/pod-state";
import { formatTime } from "#apimachinery";
import { podsToDelete } from "./deletion-rank.ts";

/** Bounds one reconcile: a huge scale-up takes several passes and cannot starve its neighbours. */
export const BURST_REPLICAS = 500;

export interface Plan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** `active` are the replicas that count; `related` those of all replica sets of the same owner. */
export function plan(rs: ReplicaSet, active: readonly Pod[], related: readonly Pod[], nowMs: number): Plan {
  const missing = desiredReplicas(rs) - active.length;
  if (missing >= 0) return { create: Math.min(missing, BURST_REPLICAS), remove: [] };
  return { create: 0, remove: podsToDelete(active, related, Math.min(-missing, BURST_REPLICAS), nowMs) };
}

/**
 * The status that `active` and `terminating` pods amount to. `failure` is what went wrong with the plan: it becomes
 * the condition ReplicaFailure, whose first message stays until a plan succeeds.
 */
export function planStatus(
  rs: ReplicaSet,
  active: readonly Pod[],
  terminating: readonly Pod[],
  failure: string | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const minReadySeconds = rs.spec?.minReadySeconds ?? 0;
  const labels = Object.entries(rs.spec?.template?.metadata?.labels ?? {});
  const available = active.filter((pod) => podAvailableInMs(pod, minReadySeconds, nowMs) === 0);
  const conditions = planConditions(rs, active.length, failure, nowMs);
  const counts = {
    fullyLabeledReplicas: active.filter((pod) => labels.every(([k, v]) => pod.metadata.labels?.[k] === v))
      .length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: available.length,
    observedGeneration: rs.metadata.generation ?? 0,
  };
  return {
    replicas: active.length,
    ...nonZero(counts),
    terminatingReplicas: terminating.length,
    ...(conditions.length > 0 && { conditions }),
  };
}

/** When a ready pod becomes available by the mere passing of time, in ms from `nowMs`. */
export function nextAvailabilityInMs(
  rs: ReplicaSet,
  active: readonly Pod[],
  nowMs: number,
): number | undefined {
  const minReadySeconds = rs.spec?.minReadySeconds ?? 0;
  const waits = active
    .map((pod) => podAvailableInMs(pod, minReadySeconds, nowMs))
    .filter((ms) => ms !== undefined && ms > 0);
  return waits.length === 0 ? undefined : Math.min(...(waits as number[]));
}

export function desiredReplicas(rs: ReplicaSet): number {
  return rs.spec?.replicas ?? 1;
}

function planConditions(
  rs: ReplicaSet,
  activeCount: number,
  failure: string | undefined,
  nowMs: number,
): readonly ReplicaSetCondition[] {
  const conditions = rs.status?.conditions ?? [];
  const others = conditions.filter(({ type }) => type !== "ReplicaFailure");
  if (failure === undefined) return others;
  if (others.length < conditions.length) return conditions;
  const reason = activeCount < desiredReplicas(rs) ? "FailedCreate" : "FailedDelete";
  const lastTransitionTime = formatTime(nowMs);
  return [
    ...others,
    { type: "ReplicaFailure", status: "True", reason, message: failure, lastTransitionTime },
  ];
}
