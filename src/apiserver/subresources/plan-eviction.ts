/** Whether a pod may be evicted, and what that costs its disruption budget. Pure. @module */
import { formatTime, labels, StatusError, type CauseType } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/policy/v1/types.gen";

/** As upstream: the disruption controller is behind if it has not seen so many evictions. */
const DISRUPTED_PODS_MAX = 2000;
const RETRY_AFTER_SECONDS = 10;
const DISRUPTION_BUDGET = "DisruptionBudget" as CauseType;

/** The budget with this eviction counted; undefined when the pod needs none. Throws TooManyRequests when there is none left. */
export function planEviction(
  pod: Pod,
  budgets: readonly PodDisruptionBudget[],
  nowMs: number,
): PodDisruptionBudget | undefined {
  if (isBeyondBudgets(pod)) return undefined;
  const matching = budgets.filter((budget) => isMatching(budget, pod));
  const [budget, another] = matching;
  if (budget === undefined) return undefined;
  if (another !== undefined) {
    throw new StatusError(
      "Unknown",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  return isReady(pod) || !mayEvictUnhealthy(budget) ? decremented(budget, pod, nowMs) : undefined;
}

function isBeyondBudgets({ status, metadata }: Pod): boolean {
  const phase = status?.phase;
  const isDown = phase === "Succeeded" || phase === "Failed" || phase === "Pending";
  return isDown || metadata.deletionTimestamp !== undefined;
}

function isMatching({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  if (spec?.selector === undefined) return false;
  const selector = labels.fromLabelSelector(spec.selector);
  return labels.matches(selector, pod.metadata.labels ?? {});
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
}

function mayEvictUnhealthy({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function decremented(budget: PodDisruptionBudget, pod: Pod, nowMs: number): PodDisruptionBudget {
  const { name, generation = 0 } = budget.metadata;
  const { status } = budget;
  if (status === undefined || (status.observedGeneration ?? 0) < generation) {
    const why = `The disruption budget ${name} is still being processed by the server.`;
    throw tooMany(why, RETRY_AFTER_SECONDS);
  }
  const { disruptionsAllowed = 0, disruptedPods = {} } = status;
  if (disruptionsAllowed < 0) {
    throw new StatusError("Forbidden", "pdb disruptions allowed is negative");
  }
  if (Object.keys(disruptedPods).length > DISRUPTED_PODS_MAX) {
    throw new StatusError(
      "Forbidden",
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  }
  // Without a time to try again: clients would wait for it by themselves instead of telling who asked.
  if (disruptionsAllowed === 0) throw tooMany(whyNone(name, status), undefined);
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: disruptionsAllowed - 1,
      disruptedPods: { ...disruptedPods, [pod.metadata.name]: formatTime(nowMs) },
    },
  };
}

function whyNone(name: string, status: PodDisruptionBudgetStatus): string {
  const { conditions = [], currentHealthy = 0, desiredHealthy = 0 } = status;
  const condition = conditions.find(({ type }) => type === "DisruptionAllowed");
  const message = condition?.status === "False" ? condition.message : "";
  if (message !== "" && condition?.reason === "SyncFailed")
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${message}`;
  if (currentHealthy <= desiredHealthy)
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  if (message !== "")
    return `The disruption budget ${name} does not allow evicting pods currently (${condition?.reason}): ${message}`;
  return `The disruption budget ${name} does not allow evicting pods currently`;
}

function tooMany(why: string, retryAfterSeconds: number | undefined): StatusError {
  return new StatusError(
    "TooManyRequests",
    "Cannot evict pod as it would violate the pod's disruption budget.",
    {
      details: {
        causes: [{ reason: DISRUPTION_BUDGET, message: why, field: "" }],
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      },
    },
  );
}
