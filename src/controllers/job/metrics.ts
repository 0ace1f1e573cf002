/** What the Job controller reports of its work. @module */
import type { Job, JobStatus } from "#api/batch/v1/types.gen";
import type { MetricsSink } from "#client";
import { jobCondition } from "./conditions.ts";
import { failureVerdict } from "./failure-policy.ts";
import { countIndexes } from "./indexes.ts";
import type { Plan } from "./plan.ts";

const PREFIX = "job_controller";

export type SyncAction = "reconciling" | "tracking" | "pods_created" | "pods_deleted";

export function completionMode({ spec }: Job): string {
  return spec?.completionMode ?? "NonIndexed";
}

export function actionOf({ create, remove }: Pick<Plan, "create" | "remove">): SyncAction {
  if (remove.length > 0) return "pods_deleted";
  return create.length > 0 ? "pods_created" : "tracking";
}

export function reportSync(
  metrics: MetricsSink | undefined,
  job: Job,
  result: "success" | "error",
  action: SyncAction,
  seconds: number,
): void {
  const labels = { completion_mode: completionMode(job), result, action };
  metrics?.observe(`${PREFIX}_job_sync_duration_seconds`, labels, seconds);
  metrics?.inc(`${PREFIX}_job_syncs_total`, labels);
}

/** How much the written `status` counts more than the one before. */
export function reportStatus(metrics: MetricsSink | undefined, job: Job, status: JobStatus): void {
  if (metrics === undefined) return;
  const mode = completionMode(job);
  const before = job.status ?? {};
  const add = (result: string, count: number): void => {
    if (count > 0) metrics.inc(`${PREFIX}_job_pods_finished_total`, { completion_mode: mode, result }, count);
  };
  add("succeeded", (status.succeeded ?? 0) - (before.succeeded ?? 0));
  add("failed", (status.failed ?? 0) - (before.failed ?? 0));
  if (mode === "Indexed") reportIndexes(metrics, job, status);
  for (const [type, result] of ENDS) {
    const end = jobCondition(status.conditions ?? [], type);
    if (end?.status !== "True" || jobCondition(before.conditions ?? [], type)?.status === "True") continue;
    const labels = { completion_mode: mode, result, reason: end.reason ?? "" };
    metrics.inc(`${PREFIX}_jobs_finished_total`, labels);
  }
}

const ENDS = [
  ["Complete", "succeeded"],
  ["Failed", "failed"],
] as const;

function reportIndexes(metrics: MetricsSink, job: Job, status: JobStatus): void {
  const isPerIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const backoffLimit = isPerIndex ? "perIndex" : "global";
  const add = (name: string, now: string | undefined, before: string | undefined): void => {
    const count = countIndexes(now) - countIndexes(before);
    const labels = { status: name, backoffLimit };
    if (count > 0) metrics.inc(`${PREFIX}_job_finished_indexes_total`, labels, count);
  };
  add("succeeded", status.completedIndexes, job.status?.completedIndexes);
  if (isPerIndex) add("failed", status.failedIndexes, job.status?.failedIndexes);
}

/** By what the failure policy said of pods that were not known to have failed. */
export function reportFailures(
  metrics: MetricsSink | undefined,
  job: Job,
  failed: Plan["newlyFailed"],
): void {
  if (job.spec?.podFailurePolicy === undefined) return;
  for (const pod of failed) {
    const { action } = failureVerdict(job, pod);
    metrics?.inc(`${PREFIX}_pod_failures_handled_by_failure_policy_total`, { action });
  }
}

export function reportCreations(
  metrics: MetricsSink | undefined,
  { spec }: Job,
  { failed: counted = 0, terminating = 0, uncountedTerminatedPods }: JobStatus,
  succeeded: number,
  failed: number,
): void {
  const hasFailed = counted + (uncountedTerminatedPods?.failed?.length ?? 0) > 0;
  const again = hasFailed || terminating > 0 ? "recreate_terminating_or_failed" : "new";
  const reason = hasFailed && spec?.podReplacementPolicy === "Failed" ? "recreate_failed" : again;
  const name = `${PREFIX}_job_pods_creation_total`;
  if (succeeded > 0) metrics?.inc(name, { reason, status: "succeeded" }, succeeded);
  if (failed > 0) metrics?.inc(name, { reason, status: "failed" }, failed);
}

export function reportFinalizer(metrics: MetricsSink | undefined, event: "add" | "delete"): void {
  metrics?.inc(`${PREFIX}_terminated_pods_tracking_finalizer_total`, { event });
}

export function reportElsewhere(metrics: MetricsSink | undefined, controller: string): void {
  metrics?.inc(`${PREFIX}_jobs_by_external_controller_total`, { controller_name: controller });
}
