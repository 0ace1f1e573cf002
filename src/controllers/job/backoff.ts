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

/** A success that ended after the failures makes them forgotten. */
export function withFinished(
  record: BackoffRecord,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
  nowMs: number,
): BackoffRecord {
  const lastSuccessMs = Math.max(-Infinity, ...succeeded.map((pod) => finishedMs(pod, nowMs)));
  const failures = failed.map((pod) => finishedMs(pod, nowMs)).filter((ms) => ms > lastSuccessMs);
  const before = succeeded.length > 0 ? NO_FAILURES : record;
  if (failures.length === 0) return before;
  return {
    failures: before.failures + failures.length,
    lastFailureMs: Math.max(before.lastFailureMs, ...failures),
  };
}

/** 10 s after the first failure, twice as long after each further one, at most 10 min; 0: now. */
export function waitMs({ failures, lastFailureMs }: BackoffRecord, nowMs: number): number {
  if (failures === 0) return 0;
  const backoff = Math.min(FAILURE_BACKOFF_MS * 2 ** (failures - 1), FAILURE_BACKOFF_MAX_MS);
  return Math.max(lastFailureMs + backoff - nowMs, 0);
}

/** The end of its last container; now, where nothing tells it. */
export function finishedMs({ metadata, status }: Pod, nowMs: number): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => state?.terminated?.finishedAt);
  const known = ends.filter((end) => end !== undefined);
  if (known.length > 0 && known.length === ends.length) return Math.max(...known.map(parseTime));
  return metadata.deletionTimestamp === undefined
    ? nowMs
    : Math.min(parseTime(metadata.deletionTimestamp), nowMs);
}
