/** The decisions of the CronJob controller, without clock, cache or network. @module */
import { formatTime, parseTime, quote } from "#apimachinery";
import type { CronJob, CronJobStatus, Job } from "#api/batch/v1/types.gen";
import type { ObjectReference } from "#api/core/v1/types.gen";
import { endOf, jobName, newJob } from "./cron-job.ts";
import type { CronSchedule } from "./cron-schedule.ts";
import { parseSchedule } from "./cron-schedule.ts";
import { mostRecentTime, nextDueInMs, ScheduleError } from "./due.ts";
import { newZone } from "./time-zone.ts";

export interface CronEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface Plan {
  /** Finished Jobs beyond the history limits. */
  readonly remove: readonly Job[];
  /** Running Jobs that make way for `create`, as `status.active` names them. */
  readonly replace: readonly ObjectReference[];
  readonly create: { readonly job: Job; readonly scheduledMs: number } | undefined;
  /** Before anything is created or replaced. */
  readonly status: CronJobStatus;
  readonly events: readonly CronEvent[];
  readonly requeueAfterMs: number | undefined;
}

export interface Observed {
  /** The Jobs that this CronJob controls. */
  readonly jobs: readonly Job[];
  /** uids of `status.active` that do not exist any more. */
  readonly missing: ReadonlySet<string>;
  readonly nowMs: number;
}

type Run = Pick<Plan, "replace" | "create" | "events" | "requeueAfterMs">;

const NOTHING: Run = { replace: [], create: undefined, events: [], requeueAfterMs: undefined };

export function plan(cronJob: CronJob, observed: Observed): Plan {
  const { status, events } = lookBack(cronJob, observed);
  const remove = surplus(cronJob, observed.jobs);
  const run =
    cronJob.metadata.deletionTimestamp === undefined
      ? lookAhead({ ...cronJob, status }, observed.nowMs)
      : NOTHING;
  return { ...run, remove, status, events: [...events, ...run.events] };
}

/** What became of the Jobs that were started. */
function lookBack(
  cronJob: CronJob,
  { jobs, missing }: Observed,
): { readonly status: CronJobStatus; readonly events: readonly CronEvent[] } {
  const events: CronEvent[] = [];
  const { active = [], lastSuccessfulTime, ...rest } = cronJob.status ?? {};
  const gone = new Set(missing);
  let last = lastSuccessfulTime;
  for (const job of jobs) {
    const { name, uid } = job.metadata;
    const isActive = active.some((ref) => ref.uid === uid);
    const end = endOf(job);
    if (end === undefined && !isActive) {
      const message = `Saw a job that the controller did not create or forgot: ${name}`;
      events.push({ type: "Warning", reason: "UnexpectedJob", message });
    }
    if (end !== undefined && isActive) {
      gone.add(uid!);
      const message = `Saw completed job: ${name}, condition: ${end}`;
      events.push({ type: "Normal", reason: "SawCompletedJob", message });
    }
    if (end === "Complete") last = latest(last, job.status?.completionTime);
  }
  for (const { uid, name } of active) {
    if (!missing.has(uid ?? "")) continue;
    events.push({ type: "Normal", reason: "MissingJob", message: `Active job went missing: ${name}` });
  }
  const left = active.filter(({ uid }) => !gone.has(uid ?? ""));
  const status = {
    ...rest,
    ...(left.length > 0 && { active: left }),
    ...(last !== undefined && { lastSuccessfulTime: last }),
  };
  return { status, events };
}

function latest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return parseTime(b) > parseTime(a) ? b : a;
}

/** Whether a run is due, and may start. */
function lookAhead(cronJob: CronJob, nowMs: number): Run {
  const { spec } = cronJob;
  const problem = zoneProblem(spec?.timeZone);
  if (problem !== undefined) return { ...NOTHING, events: [warn("UnknownTimeZone", problem)] };
  if (spec?.suspend === true) return NOTHING;
  const text = spec?.schedule ?? "";
  const events = text.includes("TZ") ? [warn("UnsupportedSchedule", zoneInSchedule(text))] : [];
  const schedule = scheduleOf(cronJob);
  if (typeof schedule === "string") {
    const message = `unparseable schedule: ${quote(text)} : ${schedule}`;
    return { ...NOTHING, events: [...events, warn("UnparseableSchedule", message)] };
  }
  try {
    const run = planRun(cronJob, schedule, nowMs);
    return { ...run, events: [...events, ...run.events] };
  } catch (err) {
    if (!(err instanceof ScheduleError)) throw err;
    const message = `invalid schedule: ${text} : ${err.message}`;
    return { ...NOTHING, events: [...events, warn("InvalidSchedule", message)] };
  }
}

function planRun(cronJob: CronJob, schedule: CronSchedule, nowMs: number): Run {
  const { spec, status } = cronJob;
  const later = { ...NOTHING, requeueAfterMs: nextDueInMs(cronJob, nowMs, schedule) };
  const { scheduledMs, missed } = mostRecentTime(cronJob, nowMs, schedule, true);
  if (scheduledMs === undefined) return later;
  const events: CronEvent[] = [];
  if (missed === "many") {
    const message =
      "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
    events.push({ type: "Warning", reason: "TooManyMissedTimes", message });
  }
  const deadline = spec?.startingDeadlineSeconds;
  if (deadline !== undefined && scheduledMs + deadline * 1000 < nowMs) {
    const message = `Missed scheduled time to start a job: ${rfc1123(scheduledMs)}`;
    return { ...later, events: [...events, { type: "Warning", reason: "MissSchedule", message }] };
  }
  const active = status?.active ?? [];
  const isStarted =
    status?.lastScheduleTime === formatTime(scheduledMs) ||
    active.some(({ name }) => name === jobName(cronJob, scheduledMs));
  if (isStarted) return { ...later, events };
  if (spec?.concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return { ...later, events: [...events, { type: "Normal", reason: "JobAlreadyActive", message }] };
  }
  const replace = spec?.concurrencyPolicy === "Replace" ? active : [];
  const job = newJob(cronJob, scheduledMs, newZone(spec?.timeZone ?? "UTC"));
  const started = { ...cronJob, status: { ...status, lastScheduleTime: formatTime(scheduledMs) } };
  const requeueAfterMs = nextDueInMs(started, nowMs, schedule);
  return { replace, create: { job, scheduledMs }, events, requeueAfterMs };
}

/** Text: what is wrong with it. */
export function scheduleOf({ spec }: CronJob): CronSchedule | string {
  try {
    return parseSchedule(spec?.schedule ?? "", spec?.timeZone);
  } catch (err) {
    if (err instanceof RangeError) return err.message;
    throw err;
  }
}

function warn(reason: string, message: string): CronEvent {
  return { type: "Warning", reason, message };
}

function zoneProblem(timeZone: string | undefined): string | undefined {
  if (timeZone === undefined) return undefined;
  try {
    newZone(timeZone);
    return undefined;
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
    return `invalid timeZone: ${quote(timeZone)}: unknown time zone ${timeZone}`;
  }
}

function zoneInSchedule(schedule: string): string {
  const where = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/";
  return `CRON_TZ or TZ used in schedule ${quote(schedule)} is not officially supported, see ${where} for more details`;
}

function rfc1123(ms: number): string {
  return new Date(ms).toUTCString().replace(/GMT$/, "+0000");
}

/** Successful and failed ones have limits of their own; those that started first go first. */
function surplus({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const beyond = (end: string, limit: number | undefined): readonly Job[] => {
    const finished = jobs.filter((job) => endOf(job) === end);
    if (limit === undefined || finished.length <= limit) return [];
    return finished.toSorted(byStart).slice(0, finished.length - limit);
  };
  return [
    ...beyond("Complete", spec?.successfulJobsHistoryLimit),
    ...beyond("Failed", spec?.failedJobsHistoryLimit),
  ];
}

function byStart(a: Job, b: Job): number {
  return startOrder(a) < startOrder(b) ? -1 : 1;
}

/** Those that never started come last. */
function startOrder({ metadata, status }: Job): string {
  return `${status?.startTime ?? "~"}|${metadata.name}`;
}
