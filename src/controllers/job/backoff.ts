/** How long a Job waits with new pods after failures. @module */
import { parseTime } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";

export const FAILURE_BACKOFF_MS = 10_000;
export const FAILURE_BACKOFF_MAX_MS: number = 10 * 60_000;

/** Failures since the last success. */
export interface BackoffRecord {
  readonly failures: number;
  readonly lastFailureMs: number;
}

export const NO_FAILURES: BackoffRecord = { failures: 0, lastFailureMs: 0 };

/** Failures that ended after the last success count on; one success makes those before it forgotten. */
export function withFinished(
  record: BackoffRecord,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): BackoffRecord {
  const before = succeeded.length > 0 ? NO_FAILURES : record;
  const lastSuccessMs = Math.max(-Infinity, ...succeeded.map(finishedMs));
  const failures = failed.map(finishedMs).filter((ms) => ms > lastSuccessMs);
  if (failures.length === 0) return before;
  return { failures: before.failures + failures.length, lastFailureMs: Math.max(...failures) };
}

/** 10 s after the first failure, twice as long after each further one, at most 10 min; 0: now. */
export function waitMs({ failures, lastFailureMs }: BackoffRecord, nowMs: number): number {
  if (failures === 0) return 0;
  const backoff = Math.min(FAILURE_BACKOFF_MS * 2 ** (failures - 1), FAILURE_BACKOFF_MAX_MS);
  return Math.max(lastFailureMs + backoff - nowMs, 0);
}

/**
 * The end of its last container; where not all have told theirs, when the pod stopped being ready, when it was told to go,
 * and when it was made.
 */
export function finishedMs(pod: Pod): number {
  return containersFinishedMs(pod) ?? notReadySinceMs(pod) ?? deletedMs(pod) ?? createdMs(pod);
}

/** Of sidecars too, which end last. */
function containersFinishedMs({ spec, status }: Pod): number | undefined {
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  const statuses = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  const ends = statuses.map(({ state }) => state?.terminated?.finishedAt);
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 || known.length < ends.length ? undefined : Math.max(...known.map(parseTime));
}

function notReadySinceMs({ status }: Pod): number | undefined {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const since = ready?.status === "False" ? ready.lastTransitionTime : undefined;
  return since === undefined ? undefined : parseTime(since);
}

function deletedMs({ metadata }: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata;
  return deletionTimestamp === undefined
    ? undefined
    : parseTime(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
}

function createdMs({ metadata }: Pod): number {
  return metadata.creationTimestamp === undefined ? 0 : parseTime(metadata.creationTimestamp);
}
