/**
 * Failures counted for each index of a Job by itself (`backoffLimitPerIndex`). How often an index failed is noted on its
 * pods: a failed pod keeps its finalizer until its successor, which carries the count on, is there.
 * @module
 */
import type { Job } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { finishedMs, waitMs } from "./backoff.ts";
import { failureVerdict, isIgnored } from "./failure-policy.ts";
import { parseIndexes } from "./indexes.ts";

export const FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count";
export const IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count";

export function hasLimitPerIndex({ spec }: Job): boolean {
  return spec?.backoffLimitPerIndex !== undefined;
}

function countOf({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation] ?? "";
  return /^\d+$/.test(text) ? Number(text) : 0;
}

function failuresOf(pod: Pod): number {
  return countOf(pod, FAILURE_COUNT) + countOf(pod, IGNORED_FAILURE_COUNT);
}

/** `failed` by index: those that the status knows, and those that failed once too often. */
export function failedIndexes(job: Job, failed: ReadonlyMap<Pod, number>): ReadonlySet<number> {
  const { backoffLimitPerIndex = 0, completions = 0 } = job.spec ?? {};
  const known = [...parseIndexes(job.status?.failedIndexes)].filter((index) => index < completions);
  const fresh = [...failed].filter(([pod]) => {
    const { action } = failureVerdict(job, pod);
    return (
      action === "FailIndex" || (action !== "Ignore" && countOf(pod, FAILURE_COUNT) >= backoffLimitPerIndex)
    );
  });
  return new Set([...known, ...fresh.map(([, index]) => index)]);
}

/** The last failed pod of each index that is to be tried again. */
export function awaitingSuccessor(
  failed: ReadonlyMap<Pod, number>,
  isSettled: (index: number) => boolean,
): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>();
  for (const [pod, index] of failed) {
    if (isSettled(index)) continue;
    const other = last.get(index);
    const isLater =
      other === undefined || (failuresOf(other) <= failuresOf(pod) && finishedMs(pod) >= finishedMs(other));
    if (isLater) last.set(index, pod);
  }
  return last;
}

/** How long until the index may be tried again. */
export function indexWaitMs(last: Pod | undefined, nowMs: number): number {
  if (last === undefined) return 0;
  return waitMs({ failures: failuresOf(last) + 1, lastFailureMs: finishedMs(last) }, nowMs);
}

/** The annotations of a pod that takes the place of `last`. */
export function failureCounts(job: Job, last: Pod | undefined): Readonly<Record<string, string>> {
  const ignores = last !== undefined && isIgnored(job, last);
  const before = last === undefined ? 0 : countOf(last, FAILURE_COUNT);
  const ignored = (last === undefined ? 0 : countOf(last, IGNORED_FAILURE_COUNT)) + (ignores ? 1 : 0);
  return {
    [FAILURE_COUNT]: String(before + (last === undefined || ignores ? 0 : 1)),
    ...(ignored > 0 && { [IGNORED_FAILURE_COUNT]: String(ignored) }),
  };
}
