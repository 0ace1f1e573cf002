import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobCondition } from "#api/batch/v1/types.gen";
import { START, START_MS } from "../testing/objects.ts";
import { expiresInMs } from "./plan.ts";

const complete = { type: "Complete", status: "True", lastTransitionTime: START };
const failed = { ...complete, type: "Failed" };

const cases: readonly {
  readonly name: string;
  readonly ttl?: number;
  readonly conditions: readonly JobCondition[];
  readonly deleted?: true;
  readonly afterMs?: number;
  readonly want: number | undefined;
}[] = [
  { name: "keeps a Job without TTL", conditions: [complete], want: undefined },
  { name: "keeps a Job that runs", ttl: 10, conditions: [], want: undefined },
  { name: "waits for the TTL to pass", ttl: 10, conditions: [complete], afterMs: 4000, want: 6000 },
  { name: "removes a Job whose TTL has passed", ttl: 10, conditions: [failed], afterMs: 11_000, want: 0 },
  { name: "removes at once with a TTL of 0", ttl: 0, conditions: [complete], want: 0 },
  {
    name: "ignores conditions that are not true",
    ttl: 0,
    conditions: [{ ...complete, status: "False" }],
    want: undefined,
  },
  {
    name: "leaves a Job that is being deleted",
    ttl: 0,
    conditions: [complete],
    deleted: true,
    want: undefined,
  },
];

for (const { name, ttl, conditions, deleted, afterMs = 0, want } of cases) {
  test(`expiresInMs() ${name}`, () => {
    const job: Job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "work", namespace: "default", ...(deleted && { deletionTimestamp: START }) },
      spec: { template: {}, ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }) },
      status: { conditions },
    };
    assert.equal(expiresInMs(job, START_MS + afterMs), want);
  });
}
