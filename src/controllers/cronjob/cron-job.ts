/** The Jobs that a CronJob makes. @module */
import { CronJobs } from "#api/batch/v1/cronjob";
import type { CronJob, Job } from "#api/batch/v1/types.gen";
import type { ObjectReference } from "#api/core/v1/types.gen";
import { newControllerRef } from "../controller-ref-manager.ts";
import { jobCondition } from "../job/conditions.ts";
import type { Zone } from "./time-zone.ts";

const SCHEDULED_TIMESTAMP = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** The same for every attempt to start the same run, so that it is started once. */
export function jobName({ metadata }: CronJob, scheduledMs: number): string {
  return `${metadata.name}-${Math.floor(scheduledMs / 60_000)}`;
}

/** `zone` is that of `spec.timeZone`. */
export function newJob(cronJob: CronJob, scheduledMs: number, zone: Zone): Job {
  const jobTemplate = cronJob.spec?.jobTemplate;
  const { labels, annotations } = jobTemplate?.metadata ?? {};
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(cronJob, scheduledMs),
      namespace: cronJob.metadata.namespace!,
      ...(labels !== undefined && { labels }),
      annotations: { ...annotations, [SCHEDULED_TIMESTAMP]: zone.format(scheduledMs) },
      ownerReferences: [newControllerRef(cronJob, CronJobs)],
    },
    ...(jobTemplate?.spec !== undefined && { spec: jobTemplate.spec }),
  };
}

export function refOf({ metadata }: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    kind: "Job",
    apiVersion: "batch/v1",
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

/** `Complete` or `Failed`; undefined while the Job runs. */
export function endOf({ status }: Job): "Complete" | "Failed" | undefined {
  return (["Complete", "Failed"] as const).find(
    (type) => jobCondition(status?.conditions ?? [], type)?.status === "True",
  );
}
