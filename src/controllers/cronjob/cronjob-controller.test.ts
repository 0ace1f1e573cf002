import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { CronJob } from "#api/batch/v1/types.gen";
import type { Client, InformerFactory } from "#client";
import { START, START_MS } from "../testing/objects.ts";
import { cronJobController } from "./cronjob-controller.ts";

const { signal } = new AbortController();

function newCronJob(schedule: string): CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: {
      name: "tick",
      namespace: "default",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: START,
    },
    spec: { schedule, suspend: true, jobTemplate: { spec: { template: { spec: { containers: [] } } } } },
  };
}

test("cronJobController() tells of a schedule that was changed into none, and leaves it alone until it changes again", async () => {
  const events: string[] = [];
  let cronJob = newCronJob("@hourly");
  const lister = { get: () => cronJob, controlledBy: () => [] };
  const controller = cronJobController({
    client: {} as Client,
    informers: { lister: () => lister } as unknown as InformerFactory,
    recorder: { event: (_about, type, reason, message) => events.push(`${type} ${reason}: ${message}`) },
    clock: new FakeClock(START_MS),
    logger: silentLogger,
  });
  const reconcile = (): unknown => controller.reconcile("default/tick", signal);
  await reconcile();
  assert.deepEqual(events, []);
  cronJob = newCronJob("61 * * * *");
  assert.deepEqual(await reconcile(), {});
  assert.deepEqual(events, [
    "Warning UnParseableCronJobSchedule: unparseable schedule for cronjob: 61 * * * *",
  ]);
  cronJob = newCronJob("@daily");
  assert.deepEqual(await reconcile(), { requeueAfterMs: 24 * 3_600_000 + 100 });
});
