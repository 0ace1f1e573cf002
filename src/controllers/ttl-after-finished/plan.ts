/** When a finished Job is to be removed. @module */
import { parseTime } from "#apimachinery";
import type { Job } from "#api/batch/v1/types.gen";
import { jobCondition } from "../job/conditions.ts";

/** ms until the Job expires, 0 when it has; undefined when it does not, or not yet can. */
export function expiresInMs(job: Job, nowMs: number): number | undefined {
  const atMs = expiredAtMs(job);
  return atMs === undefined ? undefined : Math.max(atMs - nowMs, 0);
}

/** When it does, past or to come. */
export function expiredAtMs({ metadata, spec, status }: Job): number | undefined {
  const ttl = spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const ends = ["Complete", "Failed"].map((type) => jobCondition(status?.conditions ?? [], type));
  const finishedAt = ends.find((end) => end?.status === "True")?.lastTransitionTime;
  if (finishedAt === undefined) return undefined;
  return parseTime(finishedAt) + ttl * 1000;
}
