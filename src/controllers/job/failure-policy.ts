/** What a Job's podFailurePolicy says of a pod that failed. @module */
import { keyOf } from "#apimachinery";
import type { Job, PodFailurePolicyOnExitCodesRequirement } from "#api/batch/v1/types.gen";
import type { ContainerStatus, Pod } from "#api/core/v1/types.gen";

export interface Verdict {
  readonly action: "Ignore" | "Count" | "FailIndex" | "FailJob";
  /** What the Job's condition says when `action` is FailJob. */
  readonly message: string;
}

/** The first rule that fits decides; without one, the failure counts. */
export function failureVerdict(job: Job, pod: Pod): Verdict {
  for (const [i, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const matched =
      rule.onExitCodes === undefined
        ? conditionOf(pod, rule.onPodConditions ?? [])
        : exitOf(pod, rule.onExitCodes);
    if (matched === undefined) continue;
    return {
      action: rule.action as Verdict["action"],
      message: `${matched} matching ${rule.action} rule at index ${i}`,
    };
  }
  return { action: "Count", message: "" };
}

export function isIgnored(job: Job, pod: Pod): boolean {
  return failureVerdict(job, pod).action === "Ignore";
}

function conditionOf(
  pod: Pod,
  patterns: readonly { readonly type: string; readonly status?: string }[],
): string | undefined {
  const found = (pod.status?.conditions ?? []).find((condition) =>
    patterns.some(({ type, status = "True" }) => type === condition.type && status === condition.status),
  );
  return found && `Pod ${keyOf(pod)} has condition ${found.type}`;
}

/** Containers first, then init containers; an exit with 0 is no failure. */
function exitOf(pod: Pod, requirement: PodFailurePolicyOnExitCodesRequirement): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const found = [...containerStatuses, ...initContainerStatuses].find((status) =>
    matches(status, requirement),
  );
  const code = found?.state?.terminated?.exitCode;
  return found && `Container ${found.name} for pod ${keyOf(pod)} failed with exit code ${code}`;
}

function matches(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const code = state?.terminated?.exitCode ?? 0;
  if (code === 0 || (containerName !== undefined && containerName !== name)) return false;
  return operator === "In" ? values.includes(code) : operator === "NotIn" && !values.includes(code);
}
