/** Job runs pods until enough of them have succeeded. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  formatSelector,
  nameColumn,
  templateColumns,
  text,
  wide,
} from "../../printing/columns.ts";
import { humanDuration } from "../../printing/human-duration.ts";
import { defaultJob } from "./defaults.ts";
import { jobStrategy } from "./job-strategy.ts";
import { validateJobStatusUpdate } from "./job-status-validation.ts";
import { validateJob, validateJobUpdate } from "./job-validation.ts";
import type { Job } from "./types.gen.ts";

export const Jobs: Kind<Job> = {
  group: "batch",
  version: "v1",
  kind: "Job",
  names: { plural: "jobs", singular: "job", categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status"],
  defaults: defaultJob,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  strategy: jobStrategy,
  selectableFields: { "status.successful": (job) => String(job.status?.succeeded ?? 0) },
  columns: [
    nameColumn,
    text("Status", statusOf),
    text("Completions", completions),
    text("Duration", durationOf),
    ageColumn,
    ...templateColumns<Job>((job) => job.spec?.template.spec?.containers),
    wide("Selector", (job) => formatSelector(job.spec?.selector)),
  ],
};

function statusOf(job: Job): string {
  const isTrue = (type: string): boolean =>
    job.status?.conditions?.find((condition) => condition.type === type)?.status === "True";
  if (isTrue("Complete")) return "Complete";
  if (isTrue("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(isTrue) ?? "Running";
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return "";
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}
