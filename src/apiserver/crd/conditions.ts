/** Conditions of a CustomResourceDefinition. Pure. @module */
import { formatTime } from "#apimachinery";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from "#api/apiextensions/v1/types.gen";

export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

export type ConditionType =
  | "Established"
  | "NamesAccepted"
  | "NonStructuralSchema"
  | "Terminating"
  | "KubernetesAPIApprovalPolicyConformant";

export interface NewCondition {
  readonly type: ConditionType;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

export function findCondition(
  crd: CustomResourceDefinition,
  type: ConditionType,
): CustomResourceDefinitionCondition | undefined {
  return crd.status?.conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(crd: CustomResourceDefinition, type: ConditionType): boolean {
  return findCondition(crd, type)?.status === "True";
}

/** The time of the last transition moves only with the status. The same object when nothing changes. */
export function withCondition(
  crd: CustomResourceDefinition,
  condition: NewCondition,
  nowMs: number,
): CustomResourceDefinition {
  const before = findCondition(crd, condition.type);
  const { status, reason, message } = condition;
  if (before?.status === status && before.reason === reason && before.message === message) return crd;
  const keepsTime = before?.status === status && before.lastTransitionTime !== undefined;
  const lastTransitionTime = keepsTime ? before.lastTransitionTime : formatTime(nowMs);
  const made = { ...condition, lastTransitionTime };
  const conditions = crd.status?.conditions ?? [];
  return {
    ...crd,
    status: {
      ...crd.status,
      conditions:
        before === undefined ? [...conditions, made] : conditions.map((old) => (old === before ? made : old)),
    },
  };
}

export function withoutCondition(
  crd: CustomResourceDefinition,
  type: ConditionType,
): CustomResourceDefinition {
  if (findCondition(crd, type) === undefined) return crd;
  const conditions = (crd.status?.conditions ?? []).filter((condition) => condition.type !== type);
  return { ...crd, status: { ...crd.status, conditions } };
}
