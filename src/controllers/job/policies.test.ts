import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobSpec, JobStatus } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { NO_FAILURES } from "./backoff.ts";
import { failureVerdict } from "./failure-policy.ts";
import { jobPod } from "./job-pod.ts";
import { FAILURE_COUNT, IGNORED_FAILURE_COUNT } from "./per-index.ts";
import { plan } from "./plan.ts";
import { metSuccessRule } from "./success-policy.ts";
import { COMPLETION_INDEX, TRACKING_FINALIZER } from "./tracking.ts";

const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "v1" }] } };

function newJob(spec: Partial<JobSpec>, status: JobStatus = {}): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "work", namespace: "default", uid: "uid-work" },
    spec: { parallelism: 2, completions: 3, backoffLimit: 6, template, ...spec },
    status,
  };
}

/** NAME:STATE[:INDEX[:FAILURES]], where STATE is run, ok, going, disrupted, or the exit code of container c. */
function parse(text: string): readonly Pod[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const [name = "", state = "", index, failures] = word.split(":");
      const exitCode = Number(state);
      const hasFailed = state === "disrupted" || exitCode > 0;
      const conditions = state === "disrupted" ? [{ type: "DisruptionTarget", status: "True" }] : [];
      const terminated = { exitCode, finishedAt: START };
      const container = { name: "c", ready: false, restartCount: 0, image: "", imageID: "" };
      return newPod(name, {
        phase: hasFailed ? "Failed" : state === "ok" ? "Succeeded" : "Running",
        metadata: {
          finalizers: [TRACKING_FINALIZER],
          ...(state === "going" && { deletionTimestamp: START }),
          ...(index !== undefined && {
            annotations: {
              [COMPLETION_INDEX]: index,
              ...(failures !== undefined && { [FAILURE_COUNT]: failures }),
            },
          }),
        },
        status: {
          conditions,
          ...(hasFailed && { containerStatuses: [{ ...container, state: { terminated } }] }),
        },
      });
    });
}

const rules = [
  { action: "FailJob", onExitCodes: { containerName: "c", operator: "In", values: [42] } },
  { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
  { action: "FailIndex", onExitCodes: { operator: "NotIn", values: [1, 42] } },
];
const podFailurePolicy = { rules };
const indexed = { completionMode: "Indexed", podFailurePolicy } as const;

const verdicts: readonly (readonly [string, string, string])[] = [
  [
    "a:42",
    "FailJob",
    "Container c for pod default/a failed with exit code 42 matching FailJob rule at index 0",
  ],
  ["a:disrupted", "Ignore", "Pod default/a has condition DisruptionTarget matching Ignore rule at index 1"],
  [
    "a:7",
    "FailIndex",
    "Container c for pod default/a failed with exit code 7 matching FailIndex rule at index 2",
  ],
  ["a:1", "Count", ""],
];

for (const [pod, action, message] of verdicts) {
  test(`failureVerdict() says ${action} of ${pod}`, () => {
    assert.deepEqual(failureVerdict(newJob({ podFailurePolicy }), parse(pod)[0]!), { action, message });
  });
}

/** `want`: what is created, removed and released, why it ends, and the indexes that failed. */
const cases: readonly {
  readonly name: string;
  readonly spec: Partial<JobSpec>;
  readonly status?: JobStatus;
  readonly pods: string;
  readonly afterMs?: number;
  readonly want: string;
}[] = [
  {
    name: "fails at once by its failure policy",
    spec: { podFailurePolicy },
    pods: "a:42 b:run",
    want: "-b FailureTarget/PodFailurePolicy",
  },
  {
    name: "does not count what the failure policy ignores",
    spec: { podFailurePolicy, backoffLimit: 0 },
    pods: "a:disrupted b:run",
    afterMs: 20_000,
    want: "+1 free:a",
  },
  {
    name: "waits for pods on their way out where there is a failure policy",
    spec: { podFailurePolicy },
    pods: "a:going b:run",
    want: "",
  },
  {
    name: "fails an index by its failure policy, and goes on with the others",
    spec: { ...indexed, backoffLimitPerIndex: 3 },
    pods: "a:7:0 b:run:1",
    want: "+1[2] failed=0",
  },
  {
    name: "waits before it tries an index again, and keeps the failed pod until then",
    spec: { ...indexed, completions: 2, backoffLimitPerIndex: 1 },
    pods: "a:1:0 b:run:1",
    afterMs: 4000,
    want: "wait=6000 failed=",
  },
  {
    name: "tries an index again",
    spec: { ...indexed, completions: 2, backoffLimitPerIndex: 1 },
    pods: "a:1:0 b:run:1",
    afterMs: 10_000,
    want: "+1[0] failed=",
  },
  {
    name: "gives an index up after so many failures",
    spec: { ...indexed, completions: 2, backoffLimitPerIndex: 1 },
    pods: "a:1:0:1 b:run:1",
    want: "failed=0",
  },
  {
    name: "fails when every index has ended and some failed",
    spec: { ...indexed, completions: 2, backoffLimitPerIndex: 0 },
    pods: "a:1:0 b:ok:1",
    want: "FailureTarget/FailedIndexes failed=0",
  },
  {
    name: "fails when too many indexes failed",
    spec: { ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
    pods: "a:1:0 b:run:1",
    want: "-b FailureTarget/MaxFailedIndexesExceeded failed=0",
  },
  {
    name: "succeeds by its success policy, and takes down the others",
    spec: { completionMode: "Indexed", successPolicy: { rules: [{ succeededIndexes: "1" }] } },
    pods: "a:run:0 b:ok:1",
    want: "-a SuccessCriteriaMet/SuccessPolicy",
  },
  {
    name: "takes down pods of indexes that are not wanted any more, and second ones",
    spec: { completionMode: "Indexed", completions: 2 },
    pods: "a:run:0 b:run:0 c:run:5",
    want: "-c -b",
  },
];

for (const { name, spec, status, pods, afterMs = 0, want } of cases) {
  test(`plan() ${name}`, () => {
    const observed = { pods: parse(pods), backoff: NO_FAILURES, settled: true, nowMs: START_MS + afterMs };
    const p = plan(newJob(spec, status), observed);
    const indexes = p.create.filter((index) => index !== undefined);
    const ending = p.status.conditions?.find(({ type }) => type !== "Failed" && type !== "Complete");
    const words = [
      ...(p.create.length > 0
        ? [`+${p.create.length}${indexes.length > 0 ? `[${indexes.join()}]` : ""}`]
        : []),
      ...p.remove.map(({ metadata }) => `-${metadata.name}`),
      ...p.release.map(({ metadata }) => `free:${metadata.name}`),
      ...(p.requeueAfterMs === undefined ? [] : [`wait=${p.requeueAfterMs}`]),
      ...(ending === undefined ? [] : [`${ending.type}/${ending.reason}`]),
      ...(p.status.failedIndexes === undefined ? [] : [`failed=${p.status.failedIndexes}`]),
    ];
    assert.equal(words.join(" "), want);
  });
}

test("plan() does not count twice what it released while the cache is behind", () => {
  const job = newJob({}, { uncountedTerminatedPods: { failed: ["uid-a"] } });
  const observed = { pods: parse("a:1"), backoff: NO_FAILURES, settled: true, nowMs: START_MS };
  const { status, release } = plan(job, { ...observed, released: new Set(["uid-a"]) });
  assert.deepEqual([status.failed, status.uncountedTerminatedPods, release], [1, {}, []]);
});

test("jobPod() carries the failures of an index on, apart from ignored ones", () => {
  const job = newJob({ ...indexed, backoffLimitPerIndex: 3 });
  const countsAfter = (text: string | undefined): readonly unknown[] => {
    const { annotations } = jobPod(job, 0, text === undefined ? undefined : parse(text)[0]).metadata;
    return [annotations?.[FAILURE_COUNT], annotations?.[IGNORED_FAILURE_COUNT]];
  };
  assert.deepEqual(countsAfter(undefined), ["0", undefined]);
  assert.deepEqual(countsAfter("a:1:0:1"), ["2", undefined]);
  assert.deepEqual(countsAfter("a:disrupted:0:1"), ["1", "1"]);
});

const successes: readonly (readonly [readonly number[], string | undefined])[] = [
  [[], undefined],
  [[0], undefined],
  [[0, 4], "Matched rules at index 1"],
  [[2, 3], "Matched rules at index 0"],
];

for (const [succeeded, want] of successes) {
  test(`metSuccessRule() ${want === undefined ? "waits" : "is met"} when ${succeeded.join()} succeeded`, () => {
    const job = newJob({
      completions: 5,
      successPolicy: { rules: [{ succeededIndexes: "2-3" }, { succeededIndexes: "0-4", succeededCount: 2 }] },
    });
    assert.equal(metSuccessRule(job, new Set(succeeded)), want);
  });
}
