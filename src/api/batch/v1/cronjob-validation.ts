/** Rules for CronJobs. @module */
import { field } from "#apimachinery";
import { NONE, nonNegative, requiredOneOf, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { scheduleProblem } from "./cron-schedule.ts";
import { validateJobSpec } from "./job-spec-validation.ts";
import type { CronJob, CronJobSpec } from "./types.gen.ts";

/** Leaves room for the eleven characters that the controller appends to the names of jobs. */
const NAME_LENGTH_MAX = 52;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

export function validateCronJob({ metadata, spec }: CronJob): Causes {
  if (spec === undefined) return [field.required("spec.schedule")];
  const { jobTemplate } = spec;
  const path = "spec.jobTemplate.spec";
  const job = jobTemplate.spec;
  return [
    ...(metadata.name.length > NAME_LENGTH_MAX
      ? [field.invalid("metadata.name", metadata.name, `must be no more than ${NAME_LENGTH_MAX} characters`)]
      : NONE),
    ...validateSchedule(spec.schedule),
    ...nonNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
    ...validateTimeZone(spec),
    ...requiredOneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], "spec.concurrencyPolicy"),
    ...(job === undefined ? [field.required(field.child(path, "template"))] : validateJobSpec(job, path)),
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

/** Schedules with a time zone inside were accepted once, and stay where they are. */
export function validateCronJobUpdate(cronJob: CronJob, old: CronJob): Causes {
  const schedule = cronJob.spec?.schedule ?? "";
  if (!schedule.includes("TZ") || semanticEqual(schedule, old.spec?.schedule)) return NONE;
  const message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
  return [field.invalid("spec.schedule", schedule, message)];
}

function validateSchedule(schedule: string): Causes {
  if (schedule === "") return [field.required("spec.schedule")];
  const problem = scheduleProblem(schedule);
  return problem === undefined ? NONE : [field.invalid("spec.schedule", schedule, problem)];
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
