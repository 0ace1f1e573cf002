/** When a finished Job is to be removed. @module */
import { parseTime } from "#apimachinery";
import type { Job } from "#api/batch/v1/types.gen";
import { jobCondition } from "../job/conditions.ts";

/** ms until the Job expires, 0 when it has; undefined when it does not, or not yet can. */
export function expiresInMs({ metadata, spec, status }: Job, nowMs: number): number | undefined {
  const ttl = spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const ends = ["Complete", "Failed"].map((type) => jobCondition(status?.conditions ?? [], type));
  const finishedAt = ends.find((end) => end?.status === "True")?.lastTransitionTime;
  if (finishedAt === undefined) return undefined;
  return Math.max(parseTime(finishedAt) + ttl * 1000 - nowMs, 0);
}
