/**
 * CronJobs. Times of the schedule that were missed are made up for at once: a test moves the last time acted on into the
 * past instead of waiting for the first minute. The second one comes when it comes.
 */
import assert from "node:assert/strict";
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import type { CronJob, CronJobSpec, Job } from "#api/batch/v1/types.gen";
import { Events } from "#api/core/v1/event";
import type { Event } from "#api/core/v1/types.gen";
import { formatTime, isNotFound, parseTime } from "#apimachinery";
import { conformance, CONTAINER, type ConformanceContext } from "../harness/index.ts";
import { checkStatusOf } from "./cron-job-status.ts";

const MINUTE_MS = 60_000;
const EVERY_MINUTE = "*/1 * * * *";
/** For the clock to show the next minute. */
const WAIT = { timeoutMs: 90_000 };

function newCronJob(t: ConformanceContext, name: string, spec: Partial<CronJobSpec>): CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name, namespace: t.namespace, labels: { made: t.unique } },
    spec: {
      schedule: EVERY_MINUTE,
      jobTemplate: { spec: { template: { spec: { restartPolicy: "OnFailure", containers: [CONTAINER] } } } },
      ...spec,
    },
  };
}

/** No day has this date. */
const NEVER = "0 0 31 2 *";

/** Nothing was done for five minutes, it seems: what was missed is made up for by one run, of the last whole minute. */
async function missRuns(t: ConformanceContext, name: string): Promise<void> {
  const { metadata } = await t.client.get(CronJobs, { namespace: t.namespace, name }, t.signal);
  const lastScheduleTime = formatTime(parseTime(metadata.creationTimestamp!) - 5 * MINUTE_MS);
  const patch = { type: "merge", body: { status: { lastScheduleTime } } } as const;
  await t.client.patch(CronJobs, metadata, patch, t.signal, { subresource: "status" });
}

function isOf(cronJob: CronJob): (job: Job) => boolean {
  return ({ metadata }) => metadata.ownerReferences?.[0]?.uid === cronJob.metadata.uid;
}

function namesOf({ status }: CronJob): readonly string[] {
  return (status?.active ?? []).map((one) => one.name ?? "");
}

function isSkippedRun({ reason, involvedObject }: Event): boolean {
  return reason === "JobAlreadyActive" && involvedObject.name === "lone";
}

/** Once it fits, the Jobs that the CronJob says are active; each of them exists. */
async function untilActive(
  t: ConformanceContext,
  name: string,
  fits: (names: readonly string[]) => boolean,
): Promise<readonly Job[]> {
  const ref = { namespace: t.namespace, name };
  const cronJob = await t.waitFor(CronJobs, ref, (now) => now !== undefined && fits(namesOf(now)), WAIT);
  const refs = namesOf(cronJob).map((job) => ({ namespace: t.namespace, name: job }));
  return Promise.all(refs.map((job) => t.waitFor(Jobs, job, (now) => now?.status?.active === 1)));
}

conformance("[sig-apps] CronJob should schedule multiple jobs concurrently", async (t) => {
  const cronJob = await t.client.create(
    CronJobs,
    newCronJob(t, "tick", { concurrencyPolicy: "Allow" }),
    t.signal,
  );
  await missRuns(t, "tick");
  const jobs = await untilActive(t, "tick", ({ length }) => length >= 2);
  const times = jobs.map(
    ({ metadata }) => metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"],
  );
  for (const [index, { metadata }] of jobs.entries()) {
    assert.ok(isOf(cronJob)(jobs[index]!));
    const scheduledMs = parseTime(times[index]!);
    assert.equal(scheduledMs % MINUTE_MS, 0);
    assert.equal(metadata.name, `tick-${scheduledMs / MINUTE_MS}`);
  }
  assert.equal(new Set(times).size, jobs.length);
});

conformance("[sig-apps] CronJob should not schedule jobs when suspended [Slow]", async (t) => {
  const { client, signal, namespace } = t;
  const held = await client.create(CronJobs, newCronJob(t, "held", { suspend: true }), signal);
  const free = await client.create(CronJobs, newCronJob(t, "free", {}), signal);
  await missRuns(t, "held");
  await missRuns(t, "free");
  await untilActive(t, "free", ({ length }) => length >= 1);
  // The clock goes on for both.
  await untilActive(t, "free", ({ length }) => length >= 2);
  const { items } = await client.list(Jobs, { namespace }, signal);
  assert.deepEqual(
    items.filter((job) => !isOf(free)(job)),
    [],
  );
  assert.equal((await client.get(CronJobs, held.metadata, signal)).status?.active, undefined);
  await client.patch(CronJobs, held.metadata, { type: "merge", body: { spec: { suspend: false } } }, signal);
  await untilActive(t, "held", ({ length }) => length === 1);
});

conformance("[sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Slow]", async (t) => {
  const { client, signal, namespace } = t;
  await client.create(CronJobs, newCronJob(t, "lone", { concurrencyPolicy: "Forbid" }), signal);
  await missRuns(t, "lone");
  const [first] = await untilActive(t, "lone", ({ length }) => length === 1);
  await t.untilList("word of the skipped run", Events, (all) => all.some(isSkippedRun), WAIT);
  const { items } = await client.list(Jobs, { namespace }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.uid),
    [first?.metadata.uid],
  );
  await client.delete(Jobs, first!.metadata, signal, { propagationPolicy: "Background" });
  const [second] = await untilActive(
    t,
    "lone",
    ([name]) => name !== undefined && name !== first?.metadata.name,
  );
  assert.ok(second!.metadata.name > first!.metadata.name);
});

conformance("[sig-apps] CronJob should replace jobs when ReplaceConcurrent", async (t) => {
  await t.client.create(CronJobs, newCronJob(t, "swap", { concurrencyPolicy: "Replace" }), t.signal);
  await missRuns(t, "swap");
  const [first] = await untilActive(t, "swap", ({ length }) => length === 1);
  await t.waitGone(Jobs, first!.metadata, WAIT);
  const [second, ...others] = await untilActive(
    t,
    "swap",
    ([name]) => name !== undefined && name !== first?.metadata.name,
  );
  assert.ok(second!.metadata.name > first!.metadata.name);
  assert.deepEqual(others, []);
  const { items } = await t.client.list(Jobs, { namespace: t.namespace }, t.signal);
  assert.equal(items.length, 1);
});

conformance("[sig-apps] CronJob should support CronJob API operations", async (t) => {
  const { client, signal, namespace, unique } = t;
  const { resources } = (await t.http({ path: "/apis/batch/v1" })).json() as {
    resources: readonly { name: string }[];
  };
  const paths = resources.map(({ name }) => name);
  assert.ok(paths.includes("cronjobs") && paths.includes("cronjobs/status"));
  const labelSelector = `made=${unique}`;
  const names = async (options: object): Promise<readonly string[]> =>
    (await client.list(CronJobs, options, signal)).items.map(({ metadata }) => metadata.name).toSorted();
  const before = await client.list(CronJobs, { namespace }, signal);
  const watch = t.watch(CronJobs, { namespace, resourceVersion: before.metadata.resourceVersion! });
  for (const name of ["a", "b", "c"]) {
    const made = await client.create(CronJobs, newCronJob(t, name, { schedule: NEVER }), signal);
    assert.equal(made.spec?.concurrencyPolicy, "Allow");
    assert.equal((await watch.until(name, ({ type }) => type === "ADDED")).object.metadata?.name, name);
  }
  const ref = { namespace, name: "a" };
  assert.equal((await client.get(CronJobs, ref, signal)).spec?.schedule, NEVER);
  assert.deepEqual(await names({ namespace }), ["a", "b", "c"]);
  assert.deepEqual(await names({ labelSelector }), ["a", "b", "c"]);
  const patch = { type: "merge", body: { metadata: { annotations: { patched: "yes" } } } } as const;
  const patched = await client.patch(CronJobs, ref, patch, signal);
  assert.equal(patched.metadata.annotations?.["patched"], "yes");
  const annotations = { ...patched.metadata.annotations, updated: "yes" };
  const updated = await client.update(
    CronJobs,
    { ...patched, metadata: { ...patched.metadata, annotations } },
    signal,
  );
  assert.deepEqual(updated.metadata.annotations, { patched: "yes", updated: "yes" });
  await watch.until(
    "the update",
    ({ type, object }) => type === "MODIFIED" && object.metadata.annotations?.["updated"] === "yes",
  );
  await checkStatusOf(t, ref);
  await client.delete(CronJobs, ref, signal);
  await watch.until("the deletion", ({ type, object }) => type === "DELETED" && object.metadata.name === "a");
  await assert.rejects(client.get(CronJobs, ref, signal), isNotFound);
  await client.deleteCollection(CronJobs, { namespace, labelSelector }, signal);
  assert.deepEqual(await names({ labelSelector }), []);
});
