/** Job conditions: one per type, which change only with their status. @module */
import type { JobCondition } from "#api/batch/v1/types.gen";

export function jobCondition(conditions: readonly JobCondition[], type: string): JobCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

export function withJobCondition(
  conditions: readonly JobCondition[],
  next: JobCondition,
): readonly JobCondition[] {
  const old = jobCondition(conditions, next.type);
  if (old === undefined) return [...conditions, next];
  return old.status === next.status ? conditions : conditions.map((c) => (c === old ? next : c));
}
