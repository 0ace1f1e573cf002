/** Which scheduled time of a CronJob is to be acted on now, and when to look again. @module */
import { parseTime } from "#apimachinery";
import type { CronJob } from "#api/batch/v1/types.gen";
import type { CronSchedule } from "./cron-schedule.ts";

/** Looking again a little late, so that clocks that differ do not make it a little early. */
export const NEXT_SCHEDULE_DELTA_MS = 100;
/** More than so many missed times are told of. */
const MISSED_MAX = 100;

export interface Due {
  readonly scheduledMs: number | undefined;
  readonly missed: "none" | "few" | "many";
  /** From where times were looked for. */
  readonly earliestMs: number;
}

export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

/** The last time due up to now; throws `ScheduleError` for a schedule that never falls due. */
export function mostRecentTime(
  cronJob: CronJob,
  nowMs: number,
  schedule: CronSchedule,
  withDeadline: boolean,
): Due {
  const earliestMs = earliest(cronJob, nowMs, withDeadline);
  const first = next(schedule, earliestMs);
  const second = next(schedule, first);
  if (nowMs < first) return { scheduledMs: undefined, missed: "none", earliestMs };
  if (nowMs < second) return { scheduledMs: first, missed: "none", earliestMs };
  const interval = Math.round((second - first) / 1000);
  if (interval < 1) throw new ScheduleError("time difference between two schedules is less than 1 second");
  // Schedules need not be even: go a little further back than the first two times suggest, and count from there.
  const count = Math.floor(Math.floor((nowMs - first) / 1000) / interval) + 1;
  let scheduledMs: number | undefined;
  const from = first + (count - 2) * interval * 1000;
  for (let t = next(schedule, from); t <= nowMs; t = next(schedule, t)) scheduledMs = t;
  return { scheduledMs, missed: count > MISSED_MAX ? "many" : "few", earliestMs };
}

/** Since the last time acted on, or the creation; no longer ago than the deadline for starting. */
function earliest({ metadata, spec, status }: CronJob, nowMs: number, withDeadline: boolean): number {
  const since = status?.lastScheduleTime ?? metadata.creationTimestamp;
  const sinceMs = since === undefined ? nowMs : parseTime(since);
  const seconds = withDeadline ? spec?.startingDeadlineSeconds : undefined;
  return seconds === undefined ? sinceMs : Math.max(sinceMs, nowMs - seconds * 1000);
}

function next(schedule: CronSchedule, afterMs: number): number {
  const ms = schedule.next(afterMs);
  if (ms === undefined)
    throw new ScheduleError("time difference between two schedules is less than 1 second");
  return ms;
}

/** How long until the next time falls due; undefined when it never does. */
export function nextDueInMs(cronJob: CronJob, nowMs: number, schedule: CronSchedule): number | undefined {
  const ms = schedule.next(lastActedOn(cronJob, nowMs, schedule));
  return ms === undefined ? undefined : Math.max(ms + NEXT_SCHEDULE_DELTA_MS - nowMs, NEXT_SCHEDULE_DELTA_MS);
}

function lastActedOn(cronJob: CronJob, nowMs: number, schedule: CronSchedule): number {
  try {
    const { scheduledMs, missed, earliestMs } = mostRecentTime(cronJob, nowMs, schedule, false);
    return scheduledMs ?? (missed === "none" ? earliestMs : nowMs);
  } catch (err) {
    if (err instanceof ScheduleError) return nowMs;
    throw err;
  }
}
