/** Indexed Jobs: who is who, limits of each index, and success before all is done. */
import assert from "node:assert/strict";
import { Jobs } from "#api/batch/v1/job";
import type { Job, JobSpec } from "#api/batch/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { hasTrue, newJob, whyEnded } from "./workloads.ts";

const INDEX = "batch.kubernetes.io/job-completion-index";
/** Index 0 succeeds, every other fails with its number. */
const EXIT_WITH_INDEX = ["sh", "-c", "exit $(JOB_COMPLETION_INDEX)"];
/** Index 0 succeeds, every other goes on for longer than the test. */
const FIRST_ENDS = ["sleep", "$(JOB_COMPLETION_INDEX)000"];

function indexed(t: ConformanceContext, command: readonly string[], spec: Partial<JobSpec>): Promise<Job> {
  const job = newJob(t, "work", command, { completionMode: "Indexed", ...spec });
  return t.client.create(Jobs, job, t.signal);
}

function untilEnd(t: ConformanceContext, end: "Complete" | "Failed"): Promise<Job> {
  return t.waitFor(Jobs, { namespace: t.namespace, name: "work" }, (now) =>
    hasTrue(now?.status?.conditions, end),
  );
}

async function podsByIndex(t: ConformanceContext): Promise<readonly Pod[]> {
  const { items } = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
  return items.toSorted((a, b) => indexOf(a) - indexOf(b));
}

function indexOf({ metadata }: Pod): number {
  return Number(metadata.annotations?.[INDEX]);
}

conformance(
  "[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname",
  async (t) => {
    await indexed(t, ["true"], { completions: 4, parallelism: 2 });
    const done = await untilEnd(t, "Complete");
    assert.deepEqual([done.status?.succeeded, done.status?.completedIndexes], [4, "0-3"]);
    const pods = await podsByIndex(t);
    assert.deepEqual(pods.map(indexOf), [0, 1, 2, 3]);
    for (const { metadata, spec } of pods) {
      const index = metadata.annotations?.[INDEX];
      assert.equal(metadata.labels?.[INDEX], index);
      assert.equal(spec?.hostname, `work-${index}`);
      assert.match(metadata.name, new RegExp(`^work-${index}-`));
      const variable = spec.containers[0]?.env?.find(({ name }) => name === "JOB_COMPLETION_INDEX");
      assert.match(variable?.valueFrom?.fieldRef?.fieldPath ?? "", /job-completion-index'\]$/);
    }
  },
);

conformance(
  "[sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex",
  async (t) => {
    await indexed(t, EXIT_WITH_INDEX, { completions: 4, parallelism: 2, backoffLimitPerIndex: 1 });
    const job = await untilEnd(t, "Failed");
    const { status } = job;
    assert.equal(whyEnded(job, "Failed"), "FailedIndexes");
    assert.deepEqual([status?.completedIndexes, status?.failedIndexes], ["0", "1-3"]);
    assert.deepEqual([status?.succeeded, status?.failed], [1, 6], "each of three was tried twice");
    const failed = (await podsByIndex(t)).filter((pod) => pod.status?.phase === "Failed").map(indexOf);
    assert.deepEqual(failed, [1, 1, 2, 2, 3, 3]);
  },
);

conformance(
  "[sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy",
  async (t) => {
    const onExitCodes = { operator: "NotIn", values: [0, 7] } as const;
    const podFailurePolicy = { rules: [{ action: "FailIndex", onExitCodes }] } as const;
    await indexed(t, EXIT_WITH_INDEX, {
      completions: 3,
      parallelism: 3,
      backoffLimitPerIndex: 5,
      podFailurePolicy,
    });
    const done = await untilEnd(t, "Failed");
    assert.equal(whyEnded(done, "Failed"), "FailedIndexes");
    assert.deepEqual([done.status?.completedIndexes, done.status?.failedIndexes], ["0", "1,2"]);
    assert.equal(done.status?.failed, 2, "none was tried again");
    assert.deepEqual((await podsByIndex(t)).map(indexOf), [0, 1, 2]);
  },
);

conformance(
  "[sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes",
  async (t) => {
    await indexed(t, ["false"], {
      completions: 10,
      parallelism: 1,
      backoffLimitPerIndex: 0,
      maxFailedIndexes: 3,
    });
    const done = await untilEnd(t, "Failed");
    assert.equal(whyEnded(done, "Failed"), "MaxFailedIndexesExceeded");
    assert.deepEqual([done.status?.failedIndexes, done.status?.failed], ["0-3", 4]);
    assert.deepEqual([done.status?.completedIndexes ?? "", done.status?.active ?? 0], ["", 0]);
    assert.deepEqual((await podsByIndex(t)).map(indexOf), [0, 1, 2, 3]);
  },
);

/** By its policy, and not because all were done. */
function expectSuccess(job: Job, completedIndexes: string): void {
  assert.equal(whyEnded(job, "SuccessCriteriaMet"), "SuccessPolicy");
  assert.equal(whyEnded(job, "Complete"), "SuccessPolicy");
  const { conditions = [], ...status } = job.status ?? {};
  const types = conditions.filter((one) => one.status === "True").map(({ type }) => type);
  assert.deepEqual(types, ["SuccessCriteriaMet", "Complete"]);
  assert.equal(status.completedIndexes, completedIndexes);
}

conformance("[sig-apps] Job with successPolicy should succeeded when all indexes succeeded", async (t) => {
  const successPolicy = { rules: [{ succeededIndexes: "0-1" }] };
  await indexed(t, ["true"], { completions: 2, parallelism: 2, successPolicy });
  const done = await untilEnd(t, "Complete");
  expectSuccess(done, "0,1");
  assert.equal(done.status?.succeeded, 2);
});

async function expectRestEnded(t: ConformanceContext): Promise<void> {
  await t.untilList("what went on has ended", Pods, (all) => {
    const going = all.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending");
    return going.length === 0;
  });
}

conformance(
  "[sig-apps] Job with successPolicy succeededCount rule should succeeded even when some indexes remain pending",
  async (t) => {
    const successPolicy = { rules: [{ succeededCount: 1 }] };
    await indexed(t, FIRST_ENDS, { completions: 5, parallelism: 2, successPolicy });
    const done = await untilEnd(t, "Complete");
    expectSuccess(done, "0");
    assert.deepEqual([done.status?.succeeded, done.status?.active ?? 0], [1, 0]);
    await expectRestEnded(t);
  },
);

conformance(
  "[sig-apps] Job with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending",
  async (t) => {
    const successPolicy = { rules: [{ succeededIndexes: "0" }] };
    await indexed(t, FIRST_ENDS, { completions: 5, parallelism: 2, successPolicy });
    const done = await untilEnd(t, "Complete");
    expectSuccess(done, "0");
    assert.deepEqual([done.status?.succeeded, done.status?.active ?? 0], [1, 0]);
    await expectRestEnded(t);
  },
);
