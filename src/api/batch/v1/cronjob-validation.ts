/** Rules for CronJobs. @module */
import { byteLength, field } from "#apimachinery";
import { NONE, nonNegative, requiredOneOf, type Causes } from "../../validation/common.ts";
import { scheduleProblem } from "./cron-schedule.ts";
import { validateJobSpec } from "./job-spec-validation.ts";
import type { CronJob, CronJobSpec } from "./types.gen.ts";

/** Leaves room for the eleven characters that the controller appends to the names of jobs. */
const NAME_LENGTH_MAX = 52;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

export function validateCronJob({ spec }: CronJob, old?: CronJob): Causes {
  if (spec === undefined) return [field.required("spec.schedule")];
  const { jobTemplate } = spec;
  const path = "spec.jobTemplate.spec";
  const job = jobTemplate.spec;
  const before = old?.spec;
  const isNewZone = before === undefined || before.timeZone !== spec.timeZone;
  return [
    ...validateSchedule(spec, before?.schedule.includes("TZ") === true),
    ...nonNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
    ...(isNewZone ? validateTimeZone(spec) : NONE),
    ...requiredOneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], "spec.concurrencyPolicy"),
    ...(job === undefined
      ? [field.required(field.child(path, "template"))]
      : validateJobSpec(job, path, before?.jobTemplate.spec)),
    ...(job?.selector === undefined
      ? NONE
      : [field.invalid(field.child(path, "selector"), job.selector, "`selector` will be auto-generated")]),
    ...(job?.manualSelector === true
      ? [field.notSupported(field.child(path, "manualSelector"), true, ["nil", "false"])]
      : NONE),
    ...nonNegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"),
    ...nonNegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"),
  ];
}

export function validateCronJobCreate({ metadata: { name } }: CronJob): Causes {
  if (byteLength(name) <= NAME_LENGTH_MAX) return NONE;
  return [field.invalid("metadata.name", name, `must be no more than ${NAME_LENGTH_MAX} characters`)];
}

/** Schedules with a time zone inside were accepted once: `mayHaveZone`, if the stored one has one. */
function validateSchedule({ schedule, timeZone }: CronJobSpec, mayHaveZone: boolean): Causes {
  const path = "spec.schedule";
  if (schedule === "") return [field.required(path)];
  const problem = scheduleProblem(schedule);
  const causes = problem === undefined ? NONE : [field.invalid(path, schedule, problem)];
  if (!schedule.includes("TZ") || (mayHaveZone && timeZone === undefined)) return causes;
  const message = mayHaveZone
    ? "cannot use both timeZone field and TZ or CRON_TZ in schedule"
    : "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
  return [...causes, field.invalid(path, schedule, message)];
}

function validateTimeZone({ timeZone }: CronJobSpec): Causes {
  const path = "spec.timeZone";
  if (timeZone === undefined) return NONE;
  if (timeZone === "") return [field.invalid(path, timeZone, "timeZone must be nil or non-empty string")];
  const parts = timeZone.split("/");
  if (parts.some(isBadZonePart)) return [field.invalid(path, timeZone, `unknown time zone ${timeZone}`)];
  if (timeZone.toLowerCase() === "local") {
    const message = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
    return [field.invalid(path, timeZone, message)];
  }
  return isKnownZone(timeZone) ? NONE : [field.invalid(path, timeZone, `unknown time zone ${timeZone}`)];
}

const isBadZonePart = (part: string): boolean =>
  part === "." || part === ".." || part.startsWith("-") || !ZONE_PART.test(part);

function isKnownZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone }).format(0);
    return true;
  } catch (err) {
    if (err instanceof RangeError) return false;
    throw err;
  }
}
