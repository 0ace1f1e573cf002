/** How many pods a rolling update may have too many, and how many too few. @module */
import type { Deployment } from "#api/apps/v1/types.gen";
import { scaledValueFromIntOrPercent } from "#apimachinery";

const INT32_MAX = 0x7fffffff;

export function desiredOf(d: Deployment): number {
  return d.spec?.replicas ?? 1;
}

export function isRollingUpdate(d: Deployment): boolean {
  return (d.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

export function maxSurge(d: Deployment): number {
  return isRollingUpdate(d) ? resolveFenceposts(d).surge : 0;
}

export function maxUnavailable(d: Deployment): number {
  const desired = desiredOf(d);
  if (!isRollingUpdate(d) || desired === 0) return 0;
  return Math.min(resolveFenceposts(d).unavailable, desired);
}

/** Surge rounds up and unavailability down; when both come to 0, one pod may be missing, or nothing could ever move. */
function resolveFenceposts(d: Deployment): { readonly surge: number; readonly unavailable: number } {
  const rolling = d.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValueFromIntOrPercent(rolling.maxSurge ?? 0, desiredOf(d), true);
  const unavailable = scaledValueFromIntOrPercent(rolling.maxUnavailable ?? 0, desiredOf(d), false);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** The deadline in ms; undefined: progress is not watched. */
export function progressDeadlineMs(d: Deployment): number | undefined {
  const seconds = d.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === INT32_MAX ? undefined : seconds * 1000;
}

export function revisionHistoryLimit(d: Deployment): number | undefined {
  const limit = d.spec?.revisionHistoryLimit;
  return limit === INT32_MAX ? undefined : limit;
}
