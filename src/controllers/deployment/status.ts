/** What a Deployment reports of its ReplicaSets, and whether its rollout moves. @module */
import type { Deployment, DeploymentCondition, DeploymentStatus } from "#api/apps/v1/types.gen";
import { nonZero } from "../counts.ts";
import {
  conditionOf,
  newCondition,
  replaceCondition,
  withCondition,
  withoutCondition,
} from "./conditions.ts";
import { desiredOf, maxUnavailable, progressDeadlineMs } from "./fenceposts.ts";
import type { Draft } from "./replica-sets.ts";
import { totalReplicas, totalStatus } from "./replica-sets.ts";

type Conditions = readonly DeploymentCondition[];

/** The counts, and the condition Available; other conditions are taken as given. */
export function calculateStatus(
  d: Deployment,
  current: Draft | undefined,
  old: readonly Draft[],
  conditions: Conditions,
  nowMs: number,
): DeploymentStatus {
  const all = current === undefined ? old : [...old, current];
  const available = totalStatus(all, "availableReplicas");
  const isAvailable = available >= desiredOf(d) - maxUnavailable(d);
  const condition = isAvailable
    ? newCondition(
        "Available",
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability.",
        nowMs,
      )
    : newCondition(
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
        nowMs,
      );
  const counts = {
    replicas: totalStatus(all, "replicas"),
    updatedReplicas: current?.stored?.status?.replicas ?? 0,
    readyReplicas: totalStatus(all, "readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(totalReplicas(all) - available, 0),
  };
  const collisionCount = d.status?.collisionCount;
  return {
    observedGeneration: d.metadata.generation ?? 0,
    ...nonZero(counts),
    terminatingReplicas: totalStatus(all, "terminatingReplicas"),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withCondition(conditions, condition),
  };
}

/** `status` with the conditions Progressing and ReplicaFailure brought up to date. `before` is the status as stored. */
export function withProgress(
  d: Deployment,
  status: DeploymentStatus,
  current: Draft | undefined,
  old: readonly Draft[],
  nowMs: number,
): DeploymentStatus {
  let conditions = status.conditions ?? [];
  const progressing = conditionOf(conditions, "Progressing");
  const isFinished =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) &&
    progressing?.reason === "NewReplicaSetAvailable";
  if (progressDeadlineMs(d) === undefined) {
    conditions = withoutCondition(conditions, "Progressing");
  } else if (!isFinished) {
    conditions = progressConditions(d, status, conditions, current, nowMs);
  }
  const failure = replicaFailure(current, old);
  conditions =
    failure === undefined
      ? withoutCondition(conditions, "ReplicaFailure")
      : withCondition(conditions, failure);
  return { ...status, conditions };
}

function progressConditions(
  d: Deployment,
  status: DeploymentStatus,
  conditions: Conditions,
  current: Draft | undefined,
  nowMs: number,
): Conditions {
  const subject =
    current === undefined
      ? `Deployment ${JSON.stringify(d.metadata.name)}`
      : `ReplicaSet ${JSON.stringify(current.name)}`;
  if (isComplete(d, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(
      conditions,
      newCondition("Progressing", "True", "NewReplicaSetAvailable", message, nowMs),
    );
  }
  if (isProgressing(d.status ?? {}, status)) {
    // Replaced even when nothing but the time changes: the deadline counts from the last progress.
    const message = `${subject} is progressing.`;
    return replaceCondition(
      conditions,
      newCondition("Progressing", "True", "ReplicaSetUpdated", message, nowMs),
    );
  }
  if (isTimedOut(d, conditions, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(
      conditions,
      newCondition("Progressing", "False", "ProgressDeadlineExceeded", message, nowMs),
    );
  }
  return conditions;
}

/** Every pod is of the current template and available, and none is left over. */
export function isComplete(d: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredOf(d);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
  );
}

function isProgressing(before: DeploymentStatus, now: DeploymentStatus): boolean {
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    outdated(now) < outdated(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function outdated({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number {
  return replicas - updatedReplicas;
}

function isTimedOut(d: Deployment, conditions: Conditions, nowMs: number): boolean {
  const condition = conditionOf(conditions, "Progressing");
  if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return Date.parse(condition.lastUpdateTime ?? "") + progressDeadlineMs(d)! < nowMs;
}

/** When the deadline should be checked, in ms from `nowMs`; undefined: no rollout is under way. */
export function progressCheckInMs(
  d: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const deadlineMs = progressDeadlineMs(d);
  const condition = conditionOf(status.conditions ?? [], "Progressing");
  if (deadlineMs === undefined || condition === undefined || condition.reason === "ProgressDeadlineExceeded")
    return undefined;
  if (isComplete(d, status)) return undefined;
  const leftMs = Date.parse(condition.lastUpdateTime ?? "") + deadlineMs - nowMs;
  // A second more than what is left, as times have no fractions.
  return Math.max(leftMs, 0) + 1000;
}

/** A failure of the current ReplicaSet, else of any other, as a condition of the Deployment. */
function replicaFailure(current: Draft | undefined, old: readonly Draft[]): DeploymentCondition | undefined {
  for (const draft of current === undefined ? old : [current, ...old]) {
    const condition = draft.stored?.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
    if (condition === undefined) continue;
    const { lastTransitionTime } = condition;
    return { ...condition, ...(lastTransitionTime !== undefined && { lastUpdateTime: lastTransitionTime }) };
  }
  return undefined;
}
