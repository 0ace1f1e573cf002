/**
 * Counting finished pods exactly once. A pod keeps a finalizer until its end is in the Job's status: first its uid is
 * noted as uncounted, then the finalizer goes, then it is counted and the uid forgotten (KEP-2307).
 * @module
 */
import type { Job, UncountedTerminatedPods } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { isPodActive } from "#api/core/v1/pod-state";
import { jobCondition } from "./conditions.ts";
import { failureVerdict, isIgnored } from "./failure-policy.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";
import { awaitingSuccessor, failedIndexes, hasLimitPerIndex } from "./per-index.ts";

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
  /** Undefined where failures are not counted by index. */
  readonly failedIndexes: ReadonlySet<number> | undefined;
  /** By index, the failed pod that the next one takes the place of. */
  readonly awaiting: ReadonlyMap<number, Pod>;
  /** Pods whose end is noted in the stored status, or does not count: their finalizer may go. */
  readonly release: readonly Pod[];
  /** Pods that failed and were not known to have. */
  readonly newlyFailed: readonly Pod[];
  readonly newlySucceeded: readonly Pod[];
  /** Why the Job is to fail by its podFailurePolicy. */
  readonly failJob: string | undefined;
}

/** `released`: uids of pods whose failure does not count and whose finalizer is gone, though the cache still shows it. */
export function track(job: Job, pods: readonly Pod[], released: ReadonlySet<string> = new Set()): Tracked {
  const stored = job.status?.uncountedTerminatedPods ?? {};
  const [noted, notedFailed] = [new Set(stored.succeeded), new Set(stored.failed)];
  const heldPods = pods.filter((pod) => isHeld(pod) && !released.has(pod.metadata.uid!));
  const held = new Set(heldPods.map(({ metadata }) => metadata.uid!));
  const isNoted = ({ metadata }: Pod): boolean => noted.has(metadata.uid!) || notedFailed.has(metadata.uid!);
  const fresh = heldPods.filter((pod) => !isNoted(pod));
  const isIndexed = job.spec?.completionMode === "Indexed";
  const failed = fresh.filter((pod) => hasFailed(job, pod) && (!isIndexed || isInRange(job, indexOf(pod))));
  const known = new Set(
    isIndexed ? [...parseIndexes(job.status?.completedIndexes)].filter((index) => isInRange(job, index)) : [],
  );
  const ended = fresh.filter((pod) => pod.status?.phase === "Succeeded");
  const isNews = (pod: Pod): boolean => isInRange(job, indexOf(pod)) && !known.has(indexOf(pod)!);
  const newlySucceeded = (isIndexed ? ended.filter(isNews) : ended).slice(0, UNCOUNTED_MAX);
  const completedIndexes = new Set([...known, ...newlySucceeded.flatMap((pod) => indexOf(pod) ?? [])]);
  const settled = isIndexed
    ? fresh.filter((pod) => hasEnded(job, pod) && isSettledIndex(job, pod, known))
    : [];
  const perIndex = trackIndexes(job, pods, failed, completedIndexes);
  const delayed = new Set(perIndex.awaiting.values());
  const counting = failed.filter((pod) => !isIgnored(job, pod));
  const toNote = counting.filter((pod) => !delayed.has(pod)).slice(0, UNCOUNTED_MAX - newlySucceeded.length);
  const ignored = failed.filter((pod) => !counting.includes(pod) && !delayed.has(pod));
  const left = (uids: ReadonlySet<string>): string[] => [...uids].filter((uid) => held.has(uid));
  const counted = {
    succeeded: (job.status?.succeeded ?? 0) + noted.size - left(noted).length,
    failed: (job.status?.failed ?? 0) + notedFailed.size - left(notedFailed).length,
  };
  const uncounted = {
    // Where pods have indexes, the list of complete ones says enough.
    succeeded: [...left(noted), ...(isIndexed ? [] : uidsOf(newlySucceeded))],
    failed: [...left(notedFailed), ...uidsOf(toNote)],
  };
  return {
    succeeded: isIndexed ? completedIndexes.size : counted.succeeded + uncounted.succeeded.length,
    failed: counted.failed + left(notedFailed).length + counting.length,
    counted: isIndexed ? { ...counted, succeeded: completedIndexes.size } : counted,
    uncounted: {
      ...(uncounted.succeeded.length > 0 && { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length > 0 && { failed: uncounted.failed }),
    },
    completedIndexes,
    ...perIndex,
    release: [...heldPods.filter(isNoted), ...ignored, ...settled],
    newlyFailed: failed.filter((pod) => !delayed.has(pod)),
    newlySucceeded,
    failJob: failJobMessage(job, pods),
  };
}

function hasEnded(job: Job, pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || hasFailed(job, pod);
}

/** Its end adds nothing: the stored status has its success, or the Job has no such index any more. */
function isSettledIndex(job: Job, pod: Pod, known: ReadonlySet<number>): boolean {
  const index = indexOf(pod);
  return !isInRange(job, index) || (pod.status?.phase === "Succeeded" && known.has(index!));
}

/** Once the Job is to end, no failed pod waits for another to take its place. */
function trackIndexes(
  job: Job,
  pods: readonly Pod[],
  failed: readonly Pod[],
  completed: ReadonlySet<number>,
): Pick<Tracked, "failedIndexes" | "awaiting"> {
  if (!hasLimitPerIndex(job)) return { failedIndexes: undefined, awaiting: new Map() };
  const byPod = new Map(failed.map((pod) => [pod, indexOf(pod) ?? 0]));
  const given = failedIndexes(job, byPod);
  if (isEnding(job)) return { failedIndexes: given, awaiting: new Map() };
  const active = new Set(pods.filter(isPodActive).map(indexOf));
  const isSettled = (index: number): boolean => completed.has(index) || given.has(index) || active.has(index);
  return { failedIndexes: given, awaiting: awaitingSuccessor(byPod, isSettled) };
}

function isEnding({ status }: Job): boolean {
  return ["FailureTarget", "SuccessCriteriaMet"].some(
    (type) => jobCondition(status?.conditions ?? [], type)?.status === "True",
  );
}

function failJobMessage(job: Job, pods: readonly Pod[]): string | undefined {
  if (job.spec?.podFailurePolicy === undefined) return undefined;
  const verdicts = pods.filter((pod) => hasFailed(job, pod)).map((pod) => failureVerdict(job, pod));
  return verdicts.find(({ action }) => action === "FailJob")?.message;
}

/** Only pods that really ended are to be replaced; a pod that is on its way out may still succeed. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === "Failed" || spec?.podFailurePolicy !== undefined;
}

/** A pod that is being deleted counts as failed at once, unless it may still tell how it ended. */
function hasFailed(job: Job, { metadata, status }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  if (replacesOnlyFailed(job) && !isFailing(job)) return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

function isFailing({ status }: Job): boolean {
  return jobCondition(status?.conditions ?? [], "FailureTarget")?.status === "True";
}

export function isHeld({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING_FINALIZER) === true;
}

export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The number of completions may have been lowered since. */
export function isInRange({ spec }: Job, index: number | undefined): boolean {
  return index !== undefined && index < (spec?.completions ?? 0);
}

/** What the status says of indexes. */
export function indexesText(
  job: Job,
  { completedIndexes, failedIndexes: failed }: Tracked,
): { readonly completedIndexes?: string; readonly failedIndexes?: string } {
  if (job.spec?.completionMode !== "Indexed") return {};
  return {
    ...(completedIndexes.size > 0 && { completedIndexes: formatIndexes(completedIndexes) }),
    ...(failed !== undefined && { failedIndexes: formatIndexes(failed) }),
  };
}

function uidsOf(pods: readonly Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.uid!);
}
