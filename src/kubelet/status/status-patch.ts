/** What to send so that the API's status becomes ours, and nothing else changes. Pure. @module */
import { isDeepStrictEqual } from "node:util";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { PodCondition, PodStatus } from "#api/core/v1/types.gen";
import { isKubeletCondition, isPassingCondition } from "./conditions.ts";

/** Fields that kubelet owns and replaces whole. */
const FIELDS = [
  "observedGeneration",
  "phase",
  "message",
  "reason",
  "hostIP",
  "podIP",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
  "qosClass",
  "resources",
  "allocatedResources",
] as const;

/** Lists that a strategic merge patch merges by `ip`. */
const ADDRESS_FIELDS = ["hostIPs", "podIPs"] as const;

/**
 * What may be told now. A pod that has failed shows it only when none of its containers runs any more: controllers
 * replace it then, and the scheduler gives its place away, and its claims, which it may still hold (`holdsClaims`).
 */
export function reportableStatus(api: PodStatus, ours: PodStatus, holdsClaims = false): PodStatus {
  if (!isTerminalPhase(ours.phase) || isTerminalPhase(api.phase)) return ours;
  if (!hasRunning(ours) && !holdsClaims) return ours;
  const { phase: _phase, reason: _reason, message: _message, ...rest } = ours;
  const { phase, reason, message } = api;
  return {
    ...rest,
    ...(phase !== undefined && { phase }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}

function hasRunning(status: PodStatus): boolean {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status;
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].some(
    ({ state }) => state?.running !== undefined,
  );
}

/** The `status` of a strategic merge patch; undefined when there is nothing to change. */
export function statusPatch(api: PodStatus, ours: PodStatus): Readonly<Record<string, unknown>> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of FIELDS) {
    if (isDeepStrictEqual(pruned(api[field]), pruned(ours[field]))) continue;
    // The wire's way to remove a field.
    patch[field] = ours[field] ?? null;
  }
  for (const field of ADDRESS_FIELDS) {
    const [before, after] = [api[field] ?? [], ours[field] ?? []];
    if (isDeepStrictEqual(before, after)) continue;
    const gone = before.filter(({ ip }) => !after.some((address) => address.ip === ip));
    patch[field] = [...after, ...gone.map(({ ip }) => ({ $patch: "delete", ip }))];
  }
  const conditions = [
    ...changedConditions(api.conditions ?? [], ours.conditions ?? []),
    ...goneConditions(api.conditions ?? [], ours.conditions ?? []),
  ];
  if (conditions.length > 0) patch["conditions"] = conditions;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function changedConditions(api: readonly PodCondition[], ours: readonly PodCondition[]): readonly unknown[] {
  return ours.flatMap((condition) => {
    if (!isKubeletCondition(condition.type) && condition.type !== "DisruptionTarget") return [];
    const before = api.find(({ type }) => type === condition.type);
    if (before !== undefined && isDeepStrictEqual(pruned(before), pruned(condition))) return [];
    const cleared = (["reason", "message"] as const).filter(
      (field) => before?.[field] !== undefined && condition[field] === undefined,
    );
    return [{ ...condition, ...Object.fromEntries(cleared.map((field) => [field, null])) }];
  });
}

function goneConditions(api: readonly PodCondition[], ours: readonly PodCondition[]): readonly unknown[] {
  const gone = api.filter(({ type }) => isPassingCondition(type) && !ours.some((one) => one.type === type));
  return gone.map(({ type }) => ({ $patch: "delete", type }));
}

/** Without empty objects and nulls, which servers write or leave out as they like. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]) => {
    const kept = pruned(inner);
    const isEmpty =
      kept === undefined || kept === null || (typeof kept === "object" && Object.keys(kept).length === 0);
    return isEmpty ? [] : [[key, kept] as const];
  });
  return Object.fromEntries(entries);
}

/** Each condition keeps the time at which it last changed its mind. */
export function withTransitionTimes(status: PodStatus, previous: PodStatus, now: string): PodStatus {
  const conditions = (status.conditions ?? []).map((condition) => {
    // Those that come with their time keep it.
    if (condition.lastTransitionTime !== undefined && !isKubeletCondition(condition.type)) return condition;
    if (isPassingCondition(condition.type)) return condition;
    const before = previous.conditions?.find(({ type }) => type === condition.type);
    const same = before?.status === condition.status && before.lastTransitionTime !== undefined;
    return { ...condition, lastTransitionTime: same ? before.lastTransitionTime : now };
  });
  return { ...status, conditions };
}
