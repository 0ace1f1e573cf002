/** Defaults of jobs and cron jobs that depend on other fields. @module */
import type { CronJob, Job } from "./types.gen.ts";

const BACKOFF_LIMIT = 6;
const INT32_MAX = 2 ** 31 - 1;

export function defaultJob(job: Job): Job {
  const spec = job.spec;
  if (spec === undefined) return job;
  const isOneShot = spec.completions === undefined && spec.parallelism === undefined;
  const labels = spec.template.metadata?.labels;
  const takesLabels = labels !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0;
  return {
    ...job,
    metadata: takesLabels ? { ...job.metadata, labels } : job.metadata,
    spec: {
      ...spec,
      ...(isOneShot && { completions: 1 }),
      parallelism: spec.parallelism ?? 1,
      backoffLimit:
        spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? BACKOFF_LIMIT : INT32_MAX),
      completionMode: spec.completionMode ?? "NonIndexed",
      suspend: spec.suspend ?? false,
      podReplacementPolicy:
        spec.podReplacementPolicy ?? (spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed"),
      manualSelector: spec.manualSelector ?? false,
    },
  };
}

export function defaultCronJob(cronJob: CronJob): CronJob {
  const spec = cronJob.spec;
  if (spec === undefined) return cronJob;
  return {
    ...cronJob,
    spec: {
      ...spec,
      concurrencyPolicy: spec.concurrencyPolicy || "Allow",
      suspend: spec.suspend ?? false,
      successfulJobsHistoryLimit: spec.successfulJobsHistoryLimit ?? 3,
      failedJobsHistoryLimit: spec.failedJobsHistoryLimit ?? 1,
    },
  };
}
