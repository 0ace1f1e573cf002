import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "#apimachinery";
import type { CronJob, CronJobSpec, CronJobStatus, Job } from "#api/batch/v1/types.gen";
import { START_MS } from "../testing/objects.ts";
import { plan } from "./plan.ts";

const MINUTE_MS = 60_000;

/** Created one minute after the hour, to run every hour. */
function newCronJob(spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: {
      name: "tick",
      namespace: "default",
      uid: "uid-tick",
      creationTimestamp: formatTime(START_MS + MINUTE_MS),
    },
    spec: {
      schedule: "0 * * * *",
      concurrencyPolicy: "Allow",
      jobTemplate: { spec: { template: {} } },
      ...spec,
    },
    status,
  };
}

/** NAME:STATE[:MINUTE], where STATE is run, ok or bad, and MINUTE that of its start. */
function parse(text: string): readonly Job[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const [name = "", state = "", minute = "0"] = word.split(":");
      const time = formatTime(START_MS + Number(minute) * MINUTE_MS);
      const type = state === "ok" ? "Complete" : "Failed";
      return {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name, namespace: "default", uid: `uid-${name}` },
        status: {
          startTime: time,
          ...(state !== "run" && { conditions: [{ type, status: "True" }], completionTime: time }),
        },
      };
    });
}

function active(...names: readonly string[]): CronJobStatus {
  return { active: names.map((name) => ({ name, namespace: "default", uid: `uid-${name}` })) };
}

/** Minutes since START of the run that is started; `wait`: seconds until the next look. */
const cases: readonly {
  readonly name: string;
  readonly spec?: Partial<CronJobSpec>;
  readonly status?: CronJobStatus;
  readonly jobs?: string;
  readonly at: number;
  readonly start?: number;
  readonly wait?: number;
  readonly events?: readonly string[];
}[] = [
  { name: "waits for the first time", at: 30, wait: 1800.1 },
  { name: "starts what is due", at: 60, start: 60, wait: 3600.1 },
  { name: "starts what was missed by a while", at: 90, start: 60, wait: 1800.1 },
  { name: "starts only the last of several that were missed", at: 190, start: 180, wait: 3000.1 },
  {
    name: "tells of very many that were missed",
    at: 60 * 200,
    start: 60 * 200,
    wait: 3600.1,
    events: ["TooManyMissedTimes"],
  },
  {
    name: "does not start the same run twice",
    status: { lastScheduleTime: formatTime(START_MS + 60 * MINUTE_MS) },
    at: 61,
    wait: 3540.1,
  },
  { name: "does not start what is too late", spec: { startingDeadlineSeconds: 60 }, at: 65, wait: 3300.1 },
  {
    name: "starts what is just in time",
    spec: { startingDeadlineSeconds: 600 },
    at: 65,
    start: 60,
    wait: 3300.1,
  },
  { name: "does nothing while suspended", spec: { suspend: true }, at: 60 },
  {
    name: "starts beside a running Job",
    status: active("a"),
    jobs: "a:run",
    at: 60,
    start: 60,
    wait: 3600.1,
  },
  {
    name: "does not start beside a running Job when that is forbidden",
    spec: { concurrencyPolicy: "Forbid" },
    status: active("a"),
    jobs: "a:run",
    at: 60,
    wait: 3600.1,
    events: ["JobAlreadyActive"],
  },
  {
    name: "starts when the other has just finished",
    spec: { concurrencyPolicy: "Forbid" },
    status: active("a"),
    jobs: "a:ok",
    at: 60,
    start: 60,
    wait: 3600.1,
    events: ["SawCompletedJob"],
  },
  {
    name: "tells of an unknown zone",
    spec: { timeZone: "Mars/Olympus" },
    at: 60,
    events: ["UnknownTimeZone"],
  },
  {
    name: "tells of a zone in the schedule",
    spec: { schedule: "TZ=Asia/Kolkata 0 * * * *" },
    at: 30,
    start: 30,
    wait: 3600.1,
    events: ["UnsupportedSchedule"],
  },
  {
    name: "tells of a schedule that never falls due",
    spec: { schedule: "0 0 31 2 *" },
    at: 60,
    events: ["InvalidSchedule"],
  },
  {
    name: "tells of a schedule that is none",
    spec: { schedule: "soon" },
    at: 60,
    events: ["UnparseableSchedule"],
  },
  { name: "tells of a Job it does not know", jobs: "x:run", at: 30, wait: 1800.1, events: ["UnexpectedJob"] },
];

for (const { name, spec, status, jobs = "", at, start, wait, events = [] } of cases) {
  test(`plan() ${name}`, () => {
    const nowMs = START_MS + at * MINUTE_MS;
    const p = plan(newCronJob(spec, status), { jobs: parse(jobs), missing: new Set(), nowMs });
    const started = p.create && (p.create.scheduledMs - START_MS) / MINUTE_MS;
    assert.deepEqual(
      [started, p.requeueAfterMs && p.requeueAfterMs / 1000, p.events.map(({ reason }) => reason)],
      [start, wait, events],
    );
  });
}

test("plan() names the Job by its time, and notes that time in its zone", () => {
  const nowMs = START_MS + 60 * MINUTE_MS;
  const { create } = plan(newCronJob({ timeZone: "Europe/Berlin" }), { jobs: [], missing: new Set(), nowMs });
  assert.equal(create?.job.metadata.name, `tick-${nowMs / MINUTE_MS}`);
  const noted = create?.job.metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"];
  assert.equal(noted, "2026-01-02T02:00:00+01:00");
});

test("plan() forgets Jobs that finished or are missing, and keeps the time of the last success", () => {
  const cronJob = newCronJob({}, active("a", "b", "c", "d"));
  const jobs = parse("a:ok:5 b:bad:7 c:run:8");
  const { status, events } = plan(cronJob, {
    jobs,
    missing: new Set(["uid-d"]),
    nowMs: START_MS + 30 * MINUTE_MS,
  });
  assert.deepEqual(
    status.active?.map(({ name }) => name),
    ["c"],
  );
  assert.equal(status.lastSuccessfulTime, formatTime(START_MS + 5 * MINUTE_MS));
  assert.deepEqual(
    events.map(({ message }) => message),
    [
      "Saw completed job: a, condition: Complete",
      "Saw completed job: b, condition: Failed",
      "Active job went missing: d",
    ],
  );
});

test("plan() replaces running Jobs, and removes those beyond the history limits, the oldest first", () => {
  const spec = { concurrencyPolicy: "Replace", successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 };
  const jobs = parse("a:run:20 b:ok:10 c:ok:5 d:bad:7");
  const { replace, remove, create } = plan(newCronJob(spec, active("a")), {
    jobs,
    missing: new Set(),
    nowMs: START_MS + 60 * MINUTE_MS,
  });
  assert.deepEqual(
    [replace.map(({ name }) => name), remove.map(({ metadata }) => metadata.name), create !== undefined],
    [["a"], ["c", "d"], true],
  );
});
