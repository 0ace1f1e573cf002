/** The decision of the Job controller, without clock, cache or network. @module */
import { formatTime, parseTime } from "#apimachinery";
import type { Job, JobCondition, JobStatus } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { nonZero } from "../counts.ts";
import { creationOrder } from "../creation-order.ts";
import { compareActivePods } from "../replicaset/deletion-rank.ts";
import { isPodActive, isPodReady, isPodTerminating } from "#api/core/v1/pod-state";
import type { BackoffRecord } from "./backoff.ts";
import { waitMs, withFinished } from "./backoff.ts";
import { jobCondition, withJobCondition } from "./conditions.ts";
import { hasLimitPerIndex, indexWaitMs } from "./per-index.ts";
import { metSuccessRule } from "./success-policy.ts";
import type { Tracked } from "./tracking.ts";
import { indexesText, indexOf, isInRange, replacesOnlyFailed, track } from "./tracking.ts";

/** Creations, and deletions, of one reconcile. */
export const PODS_PER_SYNC_MAX = 500;

export interface JobEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface Plan {
  /** Completion indexes of the pods to create; undefined for each where pods have none. */
  readonly create: readonly (number | undefined)[];
  /** By index, the failed pod that a new one carries the count of failures on from. */
  readonly replaces: ReadonlyMap<number, Pod>;
  readonly remove: readonly Pod[];
  /** The removed ones are too many or not needed any more, not failed: they lose their finalizer first, so that nobody counts them. */
  readonly isSurplus: boolean;
  /** Pods that failed and were not known to have. */
  readonly newlyFailed: readonly Pod[];
  /** Pods whose finalizer goes. */
  readonly release: readonly Pod[];
  readonly status: JobStatus;
  readonly events: readonly JobEvent[];
  readonly backoff: BackoffRecord;
  readonly requeueAfterMs: number | undefined;
}

export interface Observed {
  /** All pods of the Job that have not ended or not been counted; with a failure policy, all others, too. */
  readonly pods: readonly Pod[];
  readonly backoff: BackoffRecord;
  /** The cache shows all creations and deletions made for this Job. */
  readonly settled: boolean;
  /** uids of pods whose finalizer was taken, though the cache may still show it. */
  readonly released?: ReadonlySet<string>;
  readonly nowMs: number;
}

export function isFinished(job: Job): boolean {
  return ["Complete", "Failed"].some(
    (type) => jobCondition(job.status?.conditions ?? [], type)?.status === "True",
  );
}

export function plan(job: Job, { pods, backoff: before, settled, released, nowMs }: Observed): Plan {
  const tracked = track(job, pods, released);
  const active = pods.filter(isPodActive);
  const backoff = withFinished(before, tracked.newlySucceeded, tracked.newlyFailed);
  const isSuspended = job.spec?.suspend === true;
  const firstStart = job.status?.startTime ?? (isSuspended ? undefined : formatTime(nowMs));
  const target = endingNoted(job);
  // While a pod may be missing in the cache, nothing can be said to have ended.
  const ending = target ?? (settled ? endingOf(job, tracked, pods, firstStart, nowMs) : undefined);
  const isEnding = ending !== undefined;
  const wanted = isEnding || isSuspended ? 0 : wantedActive(job, tracked, active.length);
  const surplus = forRemoval(job, active, Math.max(active.length - wanted, 0));
  const remove = settled ? surplus.slice(0, PODS_PER_SYNC_MAX) : [];
  const missing = wanted - active.length - replaced(job, pods);
  const delayMs = hasLimitPerIndex(job) ? 0 : waitMs(backoff, nowMs);
  const mayCreate = settled && delayMs === 0 && surplus.length === 0;
  const { create, indexDelayMs } = mayCreate ? toCreate(job, tracked, pods, missing, nowMs) : NOTHING;
  const isComplete = !isEnding && active.length === 0 && create.length === 0 && hasCompleted(job, tracked);
  const { conditions, startTime } =
    settled && !isEnding && !isComplete
      ? suspension(job, firstStart, nowMs)
      : { conditions: job.status?.conditions ?? [], startTime: firstStart };
  const last = ending ?? (isComplete ? successCriteriaMet(nowMs) : undefined);
  const noted = last === undefined ? conditions : withJobCondition(conditions, last);
  const { conditions: all, completionTime } = finish(
    noted,
    settled ? last : undefined,
    job,
    tracked,
    pods,
    nowMs,
  );
  const counts = settled ? countsOf(pods) : (job.status ?? {});
  const status = statusOf(job, tracked, counts, startTime, completionTime, all);
  const waits = [
    missing > 0 && delayMs > 0 ? delayMs : undefined,
    indexDelayMs,
    isEnding ? undefined : deadlineInMs(job, startTime, nowMs),
  ];
  const due = waits.filter((ms) => ms !== undefined);
  const requeueAfterMs = due.length === 0 ? undefined : Math.min(...due);
  return {
    create,
    replaces: tracked.awaiting,
    remove,
    isSurplus: ending?.type !== "FailureTarget",
    newlyFailed: tracked.newlyFailed,
    release: tracked.release,
    status,
    events: eventsOf(job, all, tracked.counted.succeeded),
    backoff,
    requeueAfterMs,
  };
}

function statusOf(
  job: Job,
  tracked: Tracked,
  { active = 0, terminating = 0, ready = 0 }: PodCounts,
  startTime: string | undefined,
  completionTime: string | undefined,
  conditions: readonly JobCondition[],
): JobStatus {
  return {
    ...(conditions.length > 0 && { conditions }),
    ...(startTime !== undefined && { startTime }),
    ...(completionTime !== undefined && { completionTime }),
    ...nonZero({
      active,
      succeeded: tracked.counted.succeeded,
      failed: tracked.counted.failed,
    }),
    terminating,
    ready,
    ...indexesText(job, tracked),
    uncountedTerminatedPods: tracked.uncounted,
  };
}

type PodCounts = Pick<JobStatus, "active" | "terminating" | "ready">;

function countsOf(pods: readonly Pod[]): PodCounts {
  const active = pods.filter(isPodActive);
  return {
    active: active.length,
    terminating: pods.filter(isPodTerminating).length,
    ready: active.filter(isPodReady).length,
  };
}

/** The status when `created` pods were made and `removed` were told to go, before any cache shows it. */
export function afterActing(status: JobStatus, created: number, removed: readonly Pod[]): JobStatus {
  const { active = 0, terminating = 0, ready = 0, ...rest } = status;
  return {
    ...rest,
    ...nonZero({ active: active + created - removed.length }),
    terminating: terminating + removed.length,
    ready: ready - removed.filter(isPodReady).length,
  };
}

/** What an earlier reconcile decided. */
function endingNoted({ status }: Job): JobCondition | undefined {
  const noted = ["SuccessCriteriaMet", "FailureTarget"].map((type) =>
    jobCondition(status?.conditions ?? [], type),
  );
  return noted.find((condition) => condition?.status === "True");
}

/** Why the Job is to end now; failures come before success. */
function endingOf(
  job: Job,
  tracked: Tracked,
  pods: readonly Pod[],
  startTime: string | undefined,
  nowMs: number,
): JobCondition | undefined {
  const failure = failureOf(job, tracked, pods, startTime, nowMs);
  if (failure !== undefined) return newCondition("FailureTarget", ...failure, nowMs);
  const met =
    job.spec?.completionMode === "Indexed" ? metSuccessRule(job, tracked.completedIndexes) : undefined;
  return met === undefined ? undefined : newCondition("SuccessCriteriaMet", "SuccessPolicy", met, nowMs);
}

/** Reason and message. */
function failureOf(
  job: Job,
  { failed, failJob, failedIndexes, completedIndexes }: Tracked,
  pods: readonly Pod[],
  startTime: string | undefined,
  nowMs: number,
): readonly [string, string] | undefined {
  const { backoffLimit = 6, maxFailedIndexes, completions = 0 } = job.spec ?? {};
  if (failJob !== undefined) return ["PodFailurePolicy", failJob];
  if (failed > backoffLimit || isPastBackoffOnFailure(job, pods, backoffLimit))
    return ["BackoffLimitExceeded", "Job has reached the specified backoff limit"];
  if (deadlineInMs(job, startTime, nowMs) === 0)
    return ["DeadlineExceeded", "Job was active longer than specified deadline"];
  const failures = failedIndexes?.size ?? 0;
  if (maxFailedIndexes !== undefined && failures > maxFailedIndexes)
    return ["MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"];
  if (failures > 0 && failures + completedIndexes.size >= completions)
    return ["FailedIndexes", "Job has failed indexes"];
  return undefined;
}

/** Where pods restart their containers, the restarts count instead of the pods. */
function isPastBackoffOnFailure(job: Job, pods: readonly Pod[], limit: number): boolean {
  if (job.spec?.template.spec?.restartPolicy !== "OnFailure") return false;
  const alive = pods.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending");
  const statuses = alive.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** 0: it has passed. */
function deadlineInMs(job: Job, startTime: string | undefined, nowMs: number): number | undefined {
  const { activeDeadlineSeconds: seconds, suspend = false } = job.spec ?? {};
  if (seconds === undefined || startTime === undefined || suspend) return undefined;
  return Math.max(parseTime(startTime) + seconds * 1000 - nowMs, 0);
}

function wantedActive(job: Job, { succeeded }: Tracked, active: number): number {
  const { completions, parallelism = 1 } = job.spec ?? {};
  // Without a number of completions, one success means that the work is done: no new pods, the others may finish.
  if (completions === undefined) return succeeded > 0 ? active : parallelism;
  return Math.max(Math.min(completions - succeeded, parallelism), 0);
}

/** Pods on their way out that are to be gone before they are replaced. */
function replaced(job: Job, pods: readonly Pod[]): number {
  return replacesOnlyFailed(job) ? pods.filter(isPodTerminating).length : 0;
}

function hasCompleted({ spec }: Job, { succeeded }: Tracked): boolean {
  return spec?.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
}

interface Creations {
  readonly create: Plan["create"];
  /** Until an index that failed may be tried again, when none may now. */
  readonly indexDelayMs: number | undefined;
}

const NOTHING: Creations = { create: [], indexDelayMs: undefined };

function toCreate(
  job: Job,
  { completedIndexes, failedIndexes = new Set(), awaiting }: Tracked,
  pods: readonly Pod[],
  missing: number,
  nowMs: number,
): Creations {
  const count = Math.min(Math.max(missing, 0), PODS_PER_SYNC_MAX);
  if (job.spec?.completionMode !== "Indexed")
    return { create: Array.from({ length: count }, () => undefined), indexDelayMs: undefined };
  const onTheirWay = replacesOnlyFailed(job) ? pods.filter(isPodTerminating) : [];
  const busy = [...pods.filter(isPodActive), ...onTheirWay].map(indexOf);
  const taken = new Set([...completedIndexes, ...failedIndexes, ...busy]);
  const free: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && free.length < count; index++) {
    if (!taken.has(index)) free.push(index);
  }
  const waits = free.map((index) => indexWaitMs(awaiting.get(index), nowMs));
  const create = free.filter((_, i) => waits[i] === 0);
  const isWaiting = create.length < free.length;
  return { create, indexDelayMs: isWaiting ? Math.min(...waits.filter((ms) => ms > 0)) : undefined };
}

/**
 * At least `count`: first those whose index is not wanted or has a pod already, then those that got least far.
 */
function forRemoval(job: Job, active: readonly Pod[], count: number): readonly Pod[] {
  if (count === 0 && !hasSuperfluousIndex(job, active)) return [];
  const sorted = active.toSorted(
    (a, b) => compareActivePods(a, b) || (creationOrder(a) < creationOrder(b) ? 1 : -1),
  );
  const superfluous =
    job.spec?.completionMode === "Indexed" ? superfluousIndexes(job, sorted) : new Set<Pod>();
  const rest = sorted.filter((pod) => !superfluous.has(pod));
  return [...superfluous, ...rest.slice(0, Math.max(count - superfluous.size, 0))];
}

function hasSuperfluousIndex(job: Job, active: readonly Pod[]): boolean {
  if (job.spec?.completionMode !== "Indexed") return false;
  const indexes = active.map(indexOf);
  return new Set(indexes).size < indexes.length || indexes.some((index) => !isInRange(job, index));
}

/** Of several pods with one index, the last in the order of removal stays. */
function superfluousIndexes(job: Job, sorted: readonly Pod[]): ReadonlySet<Pod> {
  const kept = new Map(sorted.map((pod) => [indexOf(pod), pod]));
  return new Set(sorted.filter((pod) => !isInRange(job, indexOf(pod)) || kept.get(indexOf(pod)) !== pod));
}

/** The clock of the deadline stops with the Job, and starts anew when it goes on. */
function suspension(
  job: Job,
  startTime: string | undefined,
  nowMs: number,
): { readonly conditions: readonly JobCondition[]; readonly startTime: string | undefined } {
  const conditions = job.status?.conditions ?? [];
  const isSuspended = job.spec?.suspend === true;
  const status = isSuspended ? "True" : "False";
  const old = jobCondition(conditions, "Suspended");
  if (old?.status === status || (old === undefined && !isSuspended)) return { conditions, startTime };
  const next = isSuspended
    ? newCondition("Suspended", "JobSuspended", "Job suspended", nowMs)
    : { ...newCondition("Suspended", "JobResumed", "Job resumed", nowMs), status };
  return {
    conditions: withJobCondition(conditions, next),
    startTime: isSuspended ? undefined : formatTime(nowMs),
  };
}

function successCriteriaMet(nowMs: number): JobCondition {
  return newCondition(
    "SuccessCriteriaMet",
    "CompletionsReached",
    "Reached expected number of succeeded pods",
    nowMs,
  );
}

/** The last word is spoken when every pod is gone or counted. */
function finish(
  conditions: readonly JobCondition[],
  ending: JobCondition | undefined,
  job: Job,
  tracked: Tracked,
  pods: readonly Pod[],
  nowMs: number,
): { readonly conditions: readonly JobCondition[]; readonly completionTime: string | undefined } {
  const before = { conditions, completionTime: job.status?.completionTime };
  const isQuiet = !pods.some((pod) => isPodActive(pod) || isPodTerminating(pod));
  const isCounted =
    (tracked.uncounted.succeeded ?? []).length + (tracked.uncounted.failed ?? []).length === 0;
  if (ending === undefined || !isQuiet || !isCounted) return before;
  const type = ending.type === "SuccessCriteriaMet" ? "Complete" : "Failed";
  const last = newCondition(type, ending.reason ?? "", ending.message ?? "", nowMs);
  const completionTime = type === "Complete" ? formatTime(nowMs) : undefined;
  return { conditions: withJobCondition(conditions, last), completionTime };
}

function newCondition(type: string, reason: string, message: string, nowMs: number): JobCondition {
  const now = formatTime(nowMs);
  return { type, status: "True", lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/** What the conditions tell that they did not tell before. */
function eventsOf(job: Job, conditions: readonly JobCondition[], succeeded: number): readonly JobEvent[] {
  const before = job.status?.conditions ?? [];
  return conditions.flatMap(({ type, status, reason = "", message = "" }): JobEvent[] => {
    if (jobCondition(before, type)?.status === status) return [];
    if (type === "Complete") return completed(job, succeeded);
    if (type === "Failed") return [{ type: "Warning", reason, message }];
    if (type !== "Suspended") return [];
    return [{ type: "Normal", reason: status === "True" ? "Suspended" : "Resumed", message }];
  });
}

function completed({ spec }: Job, succeeded: number): JobEvent[] {
  const done: JobEvent = { type: "Normal", reason: "Completed", message: "Job completed" };
  if (spec?.completions === undefined || succeeded <= spec.completions) return [done];
  const message = "Too many succeeded pods running after completion count reached";
  return [{ type: "Warning", reason: "TooManySucceededPods", message }, done];
}
