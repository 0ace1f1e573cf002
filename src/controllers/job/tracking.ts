/**
 * Counting finished pods exactly once. A pod keeps a finalizer until its end is in the Job's status: first its uid is
 * noted as uncounted, then the finalizer goes, then it is counted and the uid forgotten (KEP-2307).
 * @module
 */
import type { Job, UncountedTerminatedPods } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { formatIndexes, parseIndexes } from "./indexes.ts";

export const TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking";
export const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";

/** uids noted at a time; the rest waits for the next round. */
export const UNCOUNTED_MAX = 500;

export interface Tracked {
  /** All that ended, whether the status counts them yet or not. */
  readonly succeeded: number;
  readonly failed: number;
  /** What the status says: counted ones only. */
  readonly counted: { readonly succeeded: number; readonly failed: number };
  readonly uncounted: UncountedTerminatedPods;
  readonly completedIndexes: ReadonlySet<number>;
  /** Pods whose end is noted in the stored status: their finalizer may go. */
  readonly release: readonly Pod[];
  /** Pods that failed and were not known to have. */
  readonly newlyFailed: readonly Pod[];
  readonly newlySucceeded: readonly Pod[];
}

export function track(job: Job, pods: readonly Pod[]): Tracked {
  const stored = job.status?.uncountedTerminatedPods ?? {};
  const [noted, notedFailed] = [new Set(stored.succeeded), new Set(stored.failed)];
  const held = new Set(pods.filter(isHeld).map(({ metadata }) => metadata.uid!));
  const isNew = ({ metadata }: Pod): boolean => !noted.has(metadata.uid!) && !notedFailed.has(metadata.uid!);
  const fresh = pods.filter((pod) => isHeld(pod) && isNew(pod));
  const isIndexed = job.spec?.completionMode === "Indexed";
  const succeeded = fresh.filter(
    (pod) => pod.status?.phase === "Succeeded" && (!isIndexed || indexOf(pod) !== undefined),
  );
  const failed = fresh.filter((pod) => hasFailed(job, pod));
  const newlySucceeded = succeeded.slice(0, UNCOUNTED_MAX);
  const newlyFailed = failed.slice(0, UNCOUNTED_MAX - newlySucceeded.length);
  const left = (uids: ReadonlySet<string>): string[] => [...uids].filter((uid) => held.has(uid));
  const completedIndexes = new Set([
    ...parseIndexes(job.status?.completedIndexes),
    ...newlySucceeded.flatMap((pod) => indexOf(pod) ?? []),
  ]);
  const counted = {
    succeeded: (job.status?.succeeded ?? 0) + noted.size - left(noted).length,
    failed: (job.status?.failed ?? 0) + notedFailed.size - left(notedFailed).length,
  };
  const uncounted = {
    succeeded: [...left(noted), ...uidsOf(newlySucceeded)],
    failed: [...left(notedFailed), ...uidsOf(newlyFailed)],
  };
  return {
    succeeded: isIndexed ? completedIndexes.size : counted.succeeded + uncounted.succeeded.length,
    failed: counted.failed + uncounted.failed.length,
    counted: isIndexed ? { ...counted, succeeded: completedIndexes.size } : counted,
    uncounted: {
      ...(uncounted.succeeded.length > 0 && { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length > 0 && { failed: uncounted.failed }),
    },
    completedIndexes,
    release: pods.filter((pod) => isHeld(pod) && !isNew(pod)),
    newlyFailed,
    newlySucceeded,
  };
}

/** A pod that is being deleted counts as failed at once, unless only pods that really ended are to be replaced. */
function hasFailed(job: Job, { metadata, status }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  if (job.spec?.podReplacementPolicy === "Failed") return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

export function isHeld({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING_FINALIZER) === true;
}

export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function completedIndexesText(job: Job, { completedIndexes }: Tracked): string | undefined {
  return job.spec?.completionMode === "Indexed" && completedIndexes.size > 0
    ? formatIndexes(completedIndexes)
    : undefined;
}

function uidsOf(pods: readonly Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.uid!);
}
