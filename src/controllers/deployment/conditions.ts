/** Deployment conditions: one per type, with the time of the last change of status and of reason. @module */
import type { DeploymentCondition } from "#api/apps/v1/types.gen";
import { formatTime } from "#apimachinery";

type Conditions = readonly DeploymentCondition[];

export function conditionOf(conditions: Conditions, type: string): DeploymentCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

export function newCondition(
  type: "Available" | "Progressing" | "ReplicaFailure",
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const now = formatTime(nowMs);
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** Keeps the old one when neither status nor reason change, and its transition time when only the reason does. */
export function withCondition(conditions: Conditions, condition: DeploymentCondition): Conditions {
  const current = conditionOf(conditions, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return conditions;
  return replaceCondition(conditions, condition);
}

/** Like `withCondition`, but takes message and update time also when status and reason stay. */
export function replaceCondition(conditions: Conditions, condition: DeploymentCondition): Conditions {
  const current = conditionOf(conditions, condition.type);
  const { lastTransitionTime } = current?.status === condition.status ? current : condition;
  const dated = lastTransitionTime === undefined ? condition : { ...condition, lastTransitionTime };
  return [...withoutCondition(conditions, condition.type), dated];
}

export function withoutCondition(conditions: Conditions, type: string): Conditions {
  return conditions.filter((condition) => condition.type !== type);
}
