/** The decision of the Job controller, without clock, cache or network. @module */
import { formatTime, parseTime } from "#apimachinery";
import type { Job, JobCondition, JobStatus } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { nonZero } from "../counts.ts";
import { isPodActive, isPodReady, isPodTerminating } from "../pod-state.ts";
import type { BackoffRecord } from "./backoff.ts";
import { waitMs, withFinished } from "./backoff.ts";
import { jobCondition, withJobCondition } from "./conditions.ts";
import type { Tracked } from "./tracking.ts";
import { completedIndexesText, indexOf, track } from "./tracking.ts";

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
  readonly remove: readonly Pod[];
  /** The removed ones are too many, not failed: they lose their finalizer first, so that nobody counts them. */
  readonly isSurplus: boolean;
  /** Pods whose finalizer goes. */
  readonly release: readonly Pod[];
  readonly status: JobStatus;
  readonly events: readonly JobEvent[];
  readonly backoff: BackoffRecord;
  readonly requeueAfterMs: number | undefined;
}

export interface Observed {
  /** All pods of the Job, also those that ended. */
  readonly pods: readonly Pod[];
  readonly backoff: BackoffRecord;
  /** The cache shows all creations and deletions made for this Job. */
  readonly settled: boolean;
  readonly nowMs: number;
}

export function isFinished(job: Job): boolean {
  return ["Complete", "Failed"].some(
    (type) => jobCondition(job.status?.conditions ?? [], type)?.status === "True",
  );
}

export function plan(job: Job, { pods, backoff: before, settled, nowMs }: Observed): Plan {
  const tracked = track(job, pods);
  const active = pods.filter(isPodActive);
  const backoff = withFinished(before, tracked.newlySucceeded, tracked.newlyFailed, nowMs);
  const isSuspended = job.spec?.suspend === true;
  const startTime = isSuspended ? undefined : (job.status?.startTime ?? formatTime(nowMs));
  const conditions = suspension(job, nowMs);
  const target = jobCondition(conditions, "SuccessCriteriaMet") ?? jobCondition(conditions, "FailureTarget");
  const failure = target === undefined ? failureOf(job, tracked, pods, startTime, nowMs) : undefined;
  const isEnding = target !== undefined || failure !== undefined;
  const wanted = isEnding || isSuspended ? 0 : wantedActive(job, tracked, active.length);
  const surplus = forRemoval(active).slice(0, Math.max(active.length - wanted, 0));
  const remove = settled ? surplus.slice(0, PODS_PER_SYNC_MAX) : [];
  const missing = wanted - active.length - replaced(job, pods);
  const delayMs = waitMs(backoff, nowMs);
  const create = settled && delayMs === 0 ? toCreate(job, tracked, active, missing) : [];
  const isComplete = !isEnding && active.length === 0 && create.length === 0 && hasCompleted(job, tracked);
  const ending = target ?? failure ?? (isComplete ? successCriteriaMet(nowMs) : undefined);
  const noted = ending === undefined ? conditions : withJobCondition(conditions, ending);
  const { conditions: all, completionTime } = finish(noted, ending, job, tracked, pods, nowMs);
  const status = statusOf(job, tracked, pods, startTime, completionTime, all);
  const waits = [
    missing > 0 && delayMs > 0 ? delayMs : undefined,
    isEnding ? undefined : deadlineInMs(job, startTime, nowMs),
  ];
  const due = waits.filter((ms) => ms !== undefined);
  const requeueAfterMs = due.length === 0 ? undefined : Math.min(...due);
  return {
    create,
    remove,
    isSurplus: !isEnding,
    release: tracked.release,
    status,
    events: eventsOf(job, all),
    backoff,
    requeueAfterMs,
  };
}

function statusOf(
  job: Job,
  tracked: Tracked,
  pods: readonly Pod[],
  startTime: string | undefined,
  completionTime: string | undefined,
  conditions: readonly JobCondition[],
): JobStatus {
  const active = pods.filter(isPodActive);
  const completedIndexes = completedIndexesText(job, tracked);
  return {
    ...(conditions.length > 0 && { conditions }),
    ...(startTime !== undefined && { startTime }),
    ...(completionTime !== undefined && { completionTime }),
    ...nonZero({
      active: active.length,
      succeeded: tracked.counted.succeeded,
      failed: tracked.counted.failed,
    }),
    terminating: pods.filter(isPodTerminating).length,
    ready: active.filter(isPodReady).length,
    ...(completedIndexes !== undefined && { completedIndexes }),
    uncountedTerminatedPods: tracked.uncounted,
  };
}

function failureOf(
  job: Job,
  { failed }: Tracked,
  pods: readonly Pod[],
  startTime: string | undefined,
  nowMs: number,
): JobCondition | undefined {
  const limit = job.spec?.backoffLimit ?? 6;
  if (failed > limit || isPastBackoffOnFailure(job, pods, limit)) {
    return newCondition(
      "FailureTarget",
      "BackoffLimitExceeded",
      "Job has reached the specified backoff limit",
      nowMs,
    );
  }
  if (deadlineInMs(job, startTime, nowMs) !== 0) return undefined;
  return newCondition(
    "FailureTarget",
    "DeadlineExceeded",
    "Job was active longer than specified deadline",
    nowMs,
  );
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
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || startTime === undefined) return undefined;
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
  return job.spec?.podReplacementPolicy === "Failed" ? pods.filter(isPodTerminating).length : 0;
}

function hasCompleted({ spec }: Job, { succeeded }: Tracked): boolean {
  return spec?.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
}

function toCreate(
  job: Job,
  { completedIndexes }: Tracked,
  active: readonly Pod[],
  missing: number,
): readonly (number | undefined)[] {
  const count = Math.min(Math.max(missing, 0), PODS_PER_SYNC_MAX);
  if (job.spec?.completionMode !== "Indexed") return Array.from({ length: count }, () => undefined);
  const taken = new Set([...completedIndexes, ...active.map(indexOf)]);
  const free: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && free.length < count; index++) {
    if (!taken.has(index)) free.push(index);
  }
  return free;
}

/** Pods that are not ready go first, the youngest before the older. */
function forRemoval(active: readonly Pod[]): readonly Pod[] {
  return active.toSorted(
    (a, b) => Number(isPodReady(a)) - Number(isPodReady(b)) || (createdAt(a) < createdAt(b) ? 1 : -1),
  );
}

function createdAt({ metadata }: Pod): string {
  return `${metadata.creationTimestamp ?? ""}|${metadata.name}`;
}

function suspension(job: Job, nowMs: number): readonly JobCondition[] {
  const conditions = job.status?.conditions ?? [];
  const old = jobCondition(conditions, "Suspended");
  if (job.spec?.suspend === true) {
    return withJobCondition(conditions, newCondition("Suspended", "JobSuspended", "Job suspended", nowMs));
  }
  if (old === undefined) return conditions;
  return withJobCondition(conditions, {
    ...newCondition("Suspended", "JobResumed", "Job resumed", nowMs),
    status: "False",
  });
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
function eventsOf(job: Job, conditions: readonly JobCondition[]): readonly JobEvent[] {
  const before = job.status?.conditions ?? [];
  return conditions.flatMap(({ type, status, reason = "", message = "" }): JobEvent[] => {
    if (jobCondition(before, type)?.status === status) return [];
    if (type === "Complete") return [{ type: "Normal", reason: "Completed", message: "Job completed" }];
    if (type === "Failed") return [{ type: "Warning", reason, message }];
    if (type !== "Suspended") return [];
    return [{ type: "Normal", reason: status === "True" ? "Suspended" : "Resumed", message }];
  });
}
