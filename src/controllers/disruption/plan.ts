/** The decision of the disruption controller, without clock, cache or network. @module */
import { formatTime, parseTime, scaledValueFromIntOrPercent } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import type { Condition } from "#api/meta/v1/types.gen";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/policy/v1/types.gen";
import { isPodReady } from "#api/core/v1/pod-state";

/** How long an eviction that was granted counts before its pod is deleted. */
export const DELETION_TIMEOUT_MS: number = 2 * 60_000;

export interface Plan {
  readonly status: PodDisruptionBudgetStatus;
  /** Pods that were granted an eviction and not deleted in time. */
  readonly notDeleted: readonly Pod[];
  readonly recheckInMs: number | undefined;
}

/** `expectedScale` is how many pods their controllers want: what percentages, and maxUnavailable, are of. */
export function plan(
  pdb: PodDisruptionBudget,
  pods: readonly Pod[],
  expectedScale: number,
  nowMs: number,
): Plan {
  const { expectedPods, desiredHealthy } = expectations(pdb, pods.length, expectedScale);
  const granted = pods.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined && pdb.status?.disruptedPods?.[metadata.name] !== undefined,
  );
  const deadline = ({ metadata }: Pod): number =>
    parseTime(pdb.status!.disruptedPods![metadata.name]!) + DELETION_TIMEOUT_MS;
  const waiting = granted.filter((pod) => deadline(pod) >= nowMs);
  const disruptedPods = Object.fromEntries(
    waiting.map(({ metadata }) => [metadata.name, pdb.status!.disruptedPods![metadata.name]!]),
  );
  const healthy = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !waiting.includes(pod) && isPodReady(pod),
  );
  const surplus = healthy.length - desiredHealthy;
  const disruptionsAllowed = expectedPods <= 0 || surplus <= 0 ? 0 : surplus;
  const generation = pdb.metadata.generation ?? 0;
  const conditions = withAllowed(pdb.status?.conditions ?? [], disruptionsAllowed > 0, generation, nowMs);
  const status = {
    observedGeneration: generation,
    ...(waiting.length > 0 && { disruptedPods }),
    disruptionsAllowed,
    currentHealthy: healthy.length,
    desiredHealthy,
    expectedPods,
    conditions,
  };
  const recheckInMs = waiting.length === 0 ? undefined : Math.min(...waiting.map(deadline)) - nowMs + 1;
  return { status, notDeleted: granted.filter((pod) => !waiting.includes(pod)), recheckInMs };
}

function expectations(
  { spec }: PodDisruptionBudget,
  podCount: number,
  expectedScale: number,
): { readonly expectedPods: number; readonly desiredHealthy: number } {
  if (spec?.maxUnavailable !== undefined) {
    const unavailable = scaledValueFromIntOrPercent(spec.maxUnavailable, expectedScale, true);
    return { expectedPods: expectedScale, desiredHealthy: Math.max(expectedScale - unavailable, 0) };
  }
  const minAvailable = spec?.minAvailable;
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  if (typeof minAvailable === "number") return { expectedPods: podCount, desiredHealthy: minAvailable };
  return {
    expectedPods: expectedScale,
    desiredHealthy: scaledValueFromIntOrPercent(minAvailable, expectedScale, true),
  };
}

/** Whether the budget counts pods by what their controllers want. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string";
}

function withAllowed(
  conditions: readonly Condition[],
  isAllowed: boolean,
  observedGeneration: number,
  nowMs: number,
): readonly Condition[] {
  const status = isAllowed ? "True" : "False";
  return withCondition(
    conditions,
    status,
    isAllowed ? "SufficientPods" : "InsufficientPods",
    "",
    observedGeneration,
    nowMs,
  );
}

/** The status when the number of expected pods cannot be told: nothing may be disrupted. */
export function failSafe(
  pdb: PodDisruptionBudget,
  message: string,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const observedGeneration = pdb.status?.observedGeneration ?? 0;
  const conditions = withCondition(
    pdb.status?.conditions ?? [],
    "False",
    "SyncFailed",
    message,
    observedGeneration,
    nowMs,
  );
  return { ...pdb.status, disruptionsAllowed: 0, conditions };
}

function withCondition(
  conditions: readonly Condition[],
  status: string,
  reason: string,
  message: string,
  observedGeneration: number,
  nowMs: number,
): readonly Condition[] {
  const old = conditions.find(({ type }) => type === "DisruptionAllowed");
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(nowMs);
  const next = { type: "DisruptionAllowed", status, observedGeneration, lastTransitionTime, reason, message };
  return old === undefined ? [...conditions, next] : conditions.map((c) => (c === old ? next : c));
}
