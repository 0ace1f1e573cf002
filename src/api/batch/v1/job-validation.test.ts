import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { CronJobs } from "./cronjob.ts";
import { overlapOf, parseIndexes } from "./job-indexes.ts";
import { Jobs } from "./job.ts";
import type { CronJob, Job } from "./types.gen.ts";

type Loose = Readonly<Record<string, unknown>>;

const show = (
  causes: readonly { readonly field: string; readonly message: string }[] = [],
): readonly string[] => causes.map((c) => `${c.field}: ${c.message}`);

const pods = { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] };

function job(spec: Loose, status?: Loose): Job {
  const given = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "j", namespace: "d", uid: "u" },
    spec: { template: { spec: pods }, ...spec },
    ...(status !== undefined && { status }),
  };
  return Jobs.strategy!.prepareForCreate!(scheme.applyDefaults(given as unknown as Job));
}

test("Jobs.validate accepts what the strategy has labelled", () =>
  assert.deepEqual(show(Jobs.validate!(job({}))), []));

test("Jobs.validate names all that is wrong with an indexed job", () => {
  const spec = {
    completionMode: "Indexed",
    completions: 3,
    maxFailedIndexes: 4,
    managedBy: "nope",
    successPolicy: { rules: [{ succeededIndexes: "0-9", succeededCount: 4 }, {}] },
    template: { spec: { ...pods, restartPolicy: "Always" } },
  };
  assert.deepEqual(show(Jobs.validate!(job(spec))), [
    "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
    'spec.managedBy: Invalid value: "nope": must be a domain-prefixed path (such as "acme.io/foo")',
    "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions",
    'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-9": error parsing succeededIndexes: too large index: "9"',
    "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)",
    "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)",
    "spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified",
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
});

test("Jobs.validateUpdate lets a suspended job choose its nodes and resources anew", () => {
  const sized = { ...pods, containers: [{ name: "c", image: "i", resources: { requests: { cpu: "1" } } }] };
  const placed = job({ suspend: true, template: { spec: { ...sized, nodeSelector: { a: "b" } } } });
  const suspended = job({ suspend: true });
  assert.deepEqual(show(Jobs.validateUpdate!(placed, suspended)), []);
  const active = { ...suspended, status: { active: 1, startTime: "2026-01-01T00:00:00Z" } } as Job;
  for (const old of [job({}), active]) {
    assert.deepEqual(
      Jobs.validateUpdate!(placed, old).map((c) => c.field),
      ["spec.template"],
    );
  }
  const other = job({ suspend: true, template: { spec: { ...pods, hostNetwork: true } } });
  assert.deepEqual(
    Jobs.validateUpdate!(other, suspended).map((c) => c.field),
    ["spec.template.spec"],
  );
});

const condition = (type: string): Loose => ({ type, status: "True" });
const started = { startTime: "2026-01-01T00:00:00Z" };
const ended = { ...started, completionTime: "2026-01-01T00:01:00Z" };
const complete = { ...ended, conditions: [condition("SuccessCriteriaMet"), condition("Complete")] };
const statuses: readonly (readonly [what: string, status: Loose, before: Loose, ...expected: string[]])[] = [
  ["a job that completes", complete, started],
  [
    "both ends at once, too early, with pods left",
    {
      active: 1,
      startTime: "2026-01-02T00:00:00Z",
      completionTime: "2026-01-01T00:00:00Z",
      conditions: [condition("Complete"), condition("Failed")],
    },
    {},
    "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
    'status.completionTime: Invalid value: "2026-01-01T00:00:00Z": must be equal to or after `startTime`',
    "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
    "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    "status.active: Invalid value: 1: active>0 is invalid for finished job",
  ],
  [
    "a job that is revived",
    { ...started, failed: 1 },
    { ...complete, failed: 2 },
    "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
    "status.failed: Invalid value: 1: cannot decrease the failed counter",
    "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
  ],
  [
    "indexes of a job without",
    { completedIndexes: "0", failedIndexes: "0", ready: 1, active: 0 },
    {},
    'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
    'status.failedIndexes: Invalid value: "0": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    'status.failedIndexes: Invalid value: "0": failedIndexes and completedIndexes overlap at index: 0',
    "status.ready: Invalid value: 1: cannot set more ready pods than active",
  ],
];

for (const [what, status, before, ...expected] of statuses) {
  test(`Jobs.validateStatusUpdate: ${what}`, () =>
    assert.deepEqual(show(Jobs.validateStatusUpdate!(job({}, status), job({}, before))), expected));
}

test("parseIndexes counts, or says what is wrong", () => {
  assert.equal(parseIndexes("", 9), 0);
  assert.equal(parseIndexes("0,2-4,8", 9), 5);
  assert.equal(parseIndexes("3-1", 9), "non-increasing order, previous: 3, current: 1");
  assert.equal(parseIndexes("4,2", 9), "non-increasing order, previous: 4, current: 2");
  assert.equal(parseIndexes("a", 9), 'cannot convert string to integer for index: "a"');
});

test("overlapOf finds the first index that two lists share", () => {
  assert.equal(overlapOf("0-3,7", "4-6,8", 9), undefined);
  assert.equal(overlapOf("0-3,7", "4-7", 9), "failedIndexes and completedIndexes overlap at index: 7");
});

function cronJob(spec: Loose, name = "c"): CronJob {
  return scheme.applyDefaults({
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name, namespace: "d" },
    spec: { schedule: "@daily", jobTemplate: { spec: { template: { spec: pods } } }, ...spec },
  } as unknown as CronJob);
}

test("CronJobs.validate lets schedules keep the zone that they have, and no other", () => {
  const zoned = cronJob({ schedule: "TZ=UTC 0 0 * * *" });
  const message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
  assert.deepEqual(show(CronJobs.validate!(zoned)), [
    `spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": ${message}`,
  ]);
  assert.deepEqual(show(CronJobs.validate!(zoned, zoned)), []);
  assert.deepEqual(
    show(CronJobs.validate!(cronJob({ schedule: "TZ=UTC 0 0 * * *", timeZone: "UTC" }), zoned)),
    [
      'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule',
    ],
  );
});

test("CronJobs.validateCreate leaves room for the controller's suffix", () => {
  assert.deepEqual(
    CronJobs.validateCreate!(cronJob({}, "x".repeat(53))).map((c) => c.message.slice(-33)),
    ["must be no more than 52 characters".slice(-33)],
  );
  assert.deepEqual(CronJobs.validateCreate!(cronJob({}, "x".repeat(52))), []);
});
