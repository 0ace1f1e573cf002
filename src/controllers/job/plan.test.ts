import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobSpec, JobStatus } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { FAILURE_BACKOFF_MAX_MS, finishedMs, NO_FAILURES, waitMs, withFinished } from "./backoff.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";
import { jobPod } from "./job-pod.ts";
import type { Plan } from "./plan.ts";
import { afterActing, plan } from "./plan.ts";
import { COMPLETION_INDEX, TRACKING_FINALIZER } from "./tracking.ts";

function newJob(spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "v1" }] } };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "work", namespace: "default", uid: "uid-work" },
    spec: { parallelism: 2, completions: 3, backoffLimit: 1, template, ...spec },
    status,
  };
}

/**
 * Pods in short: NAME:STATE[:INDEX][:free]. State is one of run, ok, bad, going; free ones have lost their finalizer.
 */
function parse(text: string): readonly Pod[] {
  const phases: Readonly<Record<string, string>> = {
    run: "Running",
    ok: "Succeeded",
    bad: "Failed",
    going: "Running",
  };
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const [name = "", state = "", ...rest] = word.split(":");
      const index = rest.find((part) => /^\d+$/.test(part));
      const metadata = {
        ...(!rest.includes("free") && { finalizers: [TRACKING_FINALIZER] }),
        ...(state === "going" && { deletionTimestamp: START }),
        ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: index } }),
      };
      return newPod(name, { phase: phases[state]!, ready: state === "run", metadata });
    });
}

function run(job: Job, pods: string, settled = true, nowMs = START_MS): Plan {
  return plan(job, { pods: parse(pods), backoff: NO_FAILURES, settled, nowMs });
}

function conditionsOf({ status }: Plan): string {
  return (status.conditions ?? []).map(({ type, status: s, reason }) => `${type}=${s}/${reason}`).join(" ");
}

/** `want`: +created -removed. */
const cases: readonly {
  readonly name: string;
  readonly spec?: Partial<JobSpec>;
  readonly status?: JobStatus;
  readonly pods: string;
  readonly want: string;
}[] = [
  { name: "starts as many as may run at once", pods: "", want: "+2" },
  { name: "replaces what succeeded, up to what is missing", pods: "a:ok b:run", want: "+1" },
  { name: "starts no more than are missing", pods: "a:ok b:ok", want: "+1" },
  { name: "counts what the status counted", status: { succeeded: 2 }, pods: "a:run", want: "+0" },
  {
    name: "takes down what is too many, not ready first",
    spec: { parallelism: 1 },
    pods: "a:run b:run",
    want: "+0 -b",
  },
  {
    name: "takes everything down when suspended",
    spec: { suspend: true },
    pods: "a:run b:run",
    want: "+0 -b -a",
  },
  {
    name: "lets the others finish when one of an unknown number succeeded",
    spec: { completions: undefined as never },
    pods: "a:ok b:run",
    want: "+0",
  },
  {
    name: "replaces a pod on its way out",
    pods: "a:run b:going",
    spec: { backoffLimit: 6, podReplacementPolicy: "TerminatingOrFailed" },
    want: "+0",
  },
  {
    name: "waits for a pod on its way out, if it is to",
    pods: "a:run b:going",
    spec: { podReplacementPolicy: "Failed" },
    want: "+0",
  },
  {
    name: "gives out the lowest free indexes",
    spec: { completionMode: "Indexed", completions: 5 },
    status: { completedIndexes: "1" },
    pods: "a:run:0",
    want: "+1[2]",
  },
  { name: "takes everything down when it has failed", pods: "a:bad b:bad c:run", want: "+0 -c" },
];

for (const { name, spec = {}, status = {}, pods, want } of cases) {
  test(`plan() ${name}`, () => {
    const { create, remove } = run(newJob(spec, status), pods);
    const indexes = create.filter((index) => index !== undefined);
    const created = `+${create.length}${indexes.length > 0 ? `[${indexes.join()}]` : ""}`;
    assert.equal([created, ...remove.map(({ metadata }) => `-${metadata.name}`)].join(" "), want);
  });
}

test("plan() does nothing but count while the cache is behind", () => {
  const { create, remove, status } = run(newJob(), "a:ok", false);
  assert.deepEqual([create, remove, status.uncountedTerminatedPods], [[], [], { succeeded: ["uid-a"] }]);
});

test("plan() counts a pod in three steps: noted, released, counted", () => {
  const noted = run(newJob(), "a:ok b:run c:run");
  assert.deepEqual(
    [noted.status.succeeded, noted.status.uncountedTerminatedPods],
    [undefined, { succeeded: ["uid-a"] }],
  );
  assert.deepEqual(noted.release, []);
  const released = run(newJob({}, noted.status), "a:ok b:run c:run");
  assert.deepEqual(
    released.release.map(({ metadata }) => metadata.name),
    ["a"],
  );
  assert.deepEqual(released.status, noted.status);
  const counted = run(newJob({}, released.status), "a:ok:free b:run c:run");
  assert.deepEqual(
    [counted.status.succeeded, counted.status.uncountedTerminatedPods, counted.release],
    [1, {}, []],
  );
  const gone = run(newJob({}, released.status), "b:run c:run");
  assert.equal(gone.status.succeeded, 1);
});

test("plan() is complete when enough succeeded, and says so when all are counted", () => {
  const met = run(newJob({ completions: 1, parallelism: 1 }), "a:ok");
  assert.equal(conditionsOf(met), "SuccessCriteriaMet=True/CompletionsReached");
  const job = newJob({ completions: 1, parallelism: 1 }, met.status);
  const complete = run(job, "a:ok:free", true, START_MS + 5_000);
  assert.equal(
    conditionsOf(complete),
    "SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached",
  );
  assert.deepEqual(
    [complete.status.completionTime, complete.status.startTime],
    ["2026-01-02T00:00:05Z", START],
  );
  assert.deepEqual(complete.events, [{ type: "Normal", reason: "Completed", message: "Job completed" }]);
});

test("plan() fails above the backoff limit, and says so when all pods are gone and counted", () => {
  const failing = run(newJob(), "a:bad b:bad c:run");
  assert.equal(conditionsOf(failing), "FailureTarget=True/BackoffLimitExceeded");
  assert.equal(failing.isSurplus, false);
  const waiting = run(newJob({}, failing.status), "a:bad:free b:bad:free c:going");
  assert.equal(conditionsOf(waiting), "FailureTarget=True/BackoffLimitExceeded");
  const failed = run(newJob({}, waiting.status), "");
  assert.equal(
    conditionsOf(failed),
    "FailureTarget=True/BackoffLimitExceeded Failed=True/BackoffLimitExceeded",
  );
  assert.deepEqual([failed.status.failed, failed.status.completionTime], [3, undefined]);
  const message = "Job has reached the specified backoff limit";
  assert.deepEqual(failed.events, [{ type: "Warning", reason: "BackoffLimitExceeded", message }]);
});

test("plan() fails after the deadline, and looks again when it comes", () => {
  const job = newJob({ activeDeadlineSeconds: 60 });
  const started = run(job, "a:run b:run");
  assert.equal(started.requeueAfterMs, 60_000);
  const late = run({ ...job, status: started.status }, "a:run b:run", true, START_MS + 60_000);
  assert.equal(conditionsOf(late), "FailureTarget=True/DeadlineExceeded");
});

test("plan() tells of suspending and resuming, and starts the clock anew", () => {
  const suspended = run(newJob({ suspend: true }), "");
  assert.equal(conditionsOf(suspended), "Suspended=True/JobSuspended");
  assert.equal(suspended.status.startTime, undefined);
  const resumed = run(newJob({}, suspended.status), "", true, START_MS + 5_000);
  assert.equal(conditionsOf(resumed), "Suspended=False/JobResumed");
  assert.deepEqual(
    resumed.events.map(({ reason }) => reason),
    ["Resumed"],
  );
  assert.equal(resumed.status.startTime, "2026-01-02T00:00:05Z");
});

test("plan() counts restarts where containers are restarted", () => {
  const job = newJob({ backoffLimit: 3 });
  const template = { spec: { ...job.spec!.template.spec!, restartPolicy: "OnFailure" } };
  const restarted = newPod("a", {
    status: { containerStatuses: [{ name: "c", image: "", imageID: "", ready: false, restartCount: 3 }] },
  });
  const observed = { pods: [restarted], backoff: NO_FAILURES, settled: true, nowMs: START_MS };
  assert.equal(
    conditionsOf(plan({ ...job, spec: { ...job.spec!, template } }, observed)),
    "FailureTarget=True/BackoffLimitExceeded",
  );
});

test("plan() keeps the indexes that are complete", () => {
  const job = newJob(
    { completionMode: "Indexed", completions: 4, parallelism: 4 },
    { completedIndexes: "0" },
  );
  const { status } = run(job, "b:ok:1 c:ok:2 d:run:3");
  assert.deepEqual([status.completedIndexes, status.succeeded], ["0-2", 3]);
});

test("waitMs() doubles with every failure since the last success, up to its limit", () => {
  const failed = withFinished(NO_FAILURES, [], parse("a:bad"));
  assert.equal(waitMs(failed, START_MS), 10_000);
  assert.equal(waitMs(withFinished(failed, [], parse("b:bad")), START_MS + 5_000), 15_000);
  assert.equal(waitMs({ failures: 50, lastFailureMs: START_MS }, START_MS), FAILURE_BACKOFF_MAX_MS);
  assert.equal(waitMs(withFinished(failed, parse("c:ok"), []), START_MS), 0);
});

test("plan() waits after a failure before it starts the next pod", () => {
  const { create, requeueAfterMs } = run(newJob(), "a:bad b:run");
  assert.deepEqual([create, requeueAfterMs], [[], 10_000]);
});

test("parseIndexes() and formatIndexes() are inverse", () => {
  for (const text of ["", "0", "1,2", "0-2", "1,3-5,7,9,10"])
    assert.equal(formatIndexes(parseIndexes(text)), text);
  assert.deepEqual([...parseIndexes("x,3,")], [3]);
});

test("jobPod() holds its pod, and tells it its index", () => {
  assert.deepEqual(jobPod(newJob(), undefined).metadata.finalizers, [TRACKING_FINALIZER]);
  const { metadata, spec } = jobPod(newJob(), 7);
  assert.equal(metadata.generateName, "work-7-");
  assert.equal(metadata.labels?.[COMPLETION_INDEX], "7");
  assert.equal(spec?.hostname, "work-7");
  assert.equal(spec?.containers[0]?.env?.[0]?.name, "JOB_COMPLETION_INDEX");
});

test("plan() lets go of pods whose end the list of indexes tells, or that nobody wants any more", () => {
  const job = newJob(
    { completionMode: "Indexed", completions: 2, parallelism: 2 },
    { completedIndexes: "0" },
  );
  const { release, status } = run(job, "a:ok:0 b:ok:1 c:ok:5 d:bad:6");
  assert.deepEqual(
    release.map(({ metadata }) => metadata.name),
    ["a", "c", "d"],
  );
  assert.deepEqual(
    [status.completedIndexes, status.uncountedTerminatedPods, status.failed],
    ["0,1", {}, undefined],
  );
});

test("plan() ends nothing while the cache is behind, and keeps what it counted", () => {
  const { status } = run(newJob({}, { active: 2, ready: 1, terminating: 0 }), "a:bad b:bad", false);
  assert.deepEqual([status.conditions, status.active, status.ready], [undefined, 2, 1]);
});

test("plan() does not suspend what is to end", () => {
  const failing = run(newJob(), "a:bad b:bad c:run");
  const suspended = run(newJob({ suspend: true }, failing.status), "a:bad:free b:bad:free c:going");
  assert.equal(conditionsOf(suspended), "FailureTarget=True/BackoffLimitExceeded");
  assert.equal(suspended.status.startTime, START);
});

test("afterActing() counts what was made and what was told to go", () => {
  const [ready, starting] = parse("a:run b:run").map((pod, i) =>
    i === 0 ? pod : { ...pod, status: { phase: "Pending" } },
  );
  const before = { active: 3, ready: 2, terminating: 0 };
  assert.deepEqual(afterActing(before, 0, [ready!, starting!]), { active: 1, ready: 1, terminating: 2 });
  assert.deepEqual(afterActing({ ready: 0 }, 2, []), { active: 2, ready: 0, terminating: 0 });
});

const at = (seconds: number): string => `2026-01-02T00:00:0${seconds}Z`;
const terminated = (name: string, seconds: number) => ({
  name,
  image: "",
  imageID: "",
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode: 1, finishedAt: at(seconds) } },
});
const sidecars = {
  containers: [],
  initContainers: [
    { name: "side", restartPolicy: "Always" },
    { name: "init", image: "v1" },
  ],
};
const going = { deletionTimestamp: at(7), deletionGracePeriodSeconds: 3 };
const ends: readonly (readonly [string, Pod, number])[] = [
  [
    "is that of the last container",
    newPod("a", { status: { containerStatuses: [terminated("x", 2), terminated("y", 3)] } }),
    3,
  ],
  [
    "heeds sidecars, not other init containers",
    newPod("a", {
      spec: sidecars,
      status: {
        containerStatuses: [terminated("x", 2)],
        initContainerStatuses: [terminated("side", 4), terminated("init", 9)],
      },
    }),
    4,
  ],
  ["is when it stopped being ready", newPod("a", { ready: false, readySince: at(5), metadata: going }), 5],
  ["is when it was told to go", newPod("a", { metadata: going }), 4],
  ["is when it was made, when nothing else is known", newPod("a", {}), 0],
];

for (const [name, pod, want] of ends) {
  test(`finishedMs() ${name}`, () => assert.equal(finishedMs(pod), START_MS + want * 1000));
}

function runningOn(name: string, node: string | undefined, phase: string, readySince = START): Pod {
  return newPod(name, {
    ...(node !== undefined && { node }),
    phase,
    ready: phase === "Running",
    readySince,
    metadata: { finalizers: [TRACKING_FINALIZER] },
  });
}

test("plan() takes down those that got least far, when there are too many", () => {
  const pods = [
    runningOn("old", "n", "Running"),
    runningOn("young", "n", "Running", at(5)),
    runningOn("pending", "n", "Pending"),
    runningOn("unbound", undefined, "Pending"),
  ];
  const job = newJob({ parallelism: 1 });
  const { remove } = plan(job, { pods, backoff: NO_FAILURES, settled: true, nowMs: START_MS });
  assert.deepEqual(
    remove.map(({ metadata }) => metadata.name),
    ["unbound", "pending", "young"],
  );
});
