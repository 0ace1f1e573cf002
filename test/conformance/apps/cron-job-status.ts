/** The status of a CronJob, read and written by its own path. @module */
import assert from "node:assert/strict";
import { CronJobs } from "#api/batch/v1/cronjob";
import type { CronJob } from "#api/batch/v1/types.gen";
import type { ObjectRef } from "#client";
import type { ConformanceContext } from "../harness/index.ts";

const [EARLIER, LATER] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"] as const;

/** The CronJob must not fall due meanwhile. */
export async function checkStatusOf({ client, signal }: ConformanceContext, ref: ObjectRef): Promise<void> {
  const body = { metadata: { annotations: { status: "patched" } }, status: { lastScheduleTime: EARLIER } };
  const patched = await client.patch(CronJobs, ref, { type: "merge", body }, signal, {
    subresource: "status",
  });
  assert.equal(patched.status?.lastScheduleTime, EARLIER);
  assert.equal(patched.metadata.annotations?.["status"], "patched");
  const spec = { ...patched.spec, schedule: "1 1 1 1 *" };
  const status = { lastScheduleTime: LATER };
  const updated = await client.updateStatus(CronJobs, { ...patched, spec, status }, signal);
  assert.equal(updated.status?.lastScheduleTime, LATER);
  assert.equal(
    updated.spec?.schedule,
    patched.spec?.schedule,
    "the spec is not written by way of the status",
  );
  const read = (await client.getSubresource(CronJobs, ref, "status", signal)) as CronJob;
  assert.equal(read.status?.lastScheduleTime, LATER);
}
