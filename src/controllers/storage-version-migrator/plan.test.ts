import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "#api/meta/v1/types.gen";
import type { StorageVersionMigration } from "#api/storagemigration/v1/types.gen";
import { START } from "../testing/objects.ts";
import { has, isSameResource, planMigration, withCondition } from "./plan.ts";

function condition(type: string, status: string = "True"): Condition {
  return { type, status, reason: "Test", message: "", lastTransitionTime: START };
}

/** Made `second` seconds after the start; of Secrets, in these conditions. */
function newMigration(name: string, second: number, ...types: readonly string[]): StorageVersionMigration {
  return {
    apiVersion: "storagemigration.k8s.io/v1",
    kind: "StorageVersionMigration",
    metadata: { name, creationTimestamp: START.replace("00Z", `0${second}Z`) },
    spec: { resource: { group: "", resource: "secrets" } },
    ...(types.length > 0 && { status: { conditions: types.map((type) => condition(type)) } }),
  };
}

const first = newMigration("b", 1);
const second = newMigration("a", 2);
const running = newMigration("b", 1, "Running");
const ofJobs: StorageVersionMigration = {
  ...newMigration("c", 0),
  spec: { resource: { group: "batch", resource: "jobs" } },
};

const cases: readonly (readonly [
  title: string,
  migration: StorageVersionMigration,
  others: readonly StorageVersionMigration[],
  want: string,
])[] = [
  ["starts a migration that is alone", first, [], "promote"],
  ["starts the oldest of a resource", first, [second], "promote"],
  ["lets the younger wait", second, [first], "none"],
  ["tells those of one second apart by name", newMigration("b", 1), [newMigration("a", 1)], "none"],
  ["lets the oldest wait, too, while another runs", first, [newMigration("a", 2, "Running")], "none"],
  ["goes on with the one that runs", running, [second], "migrate"],
  ["starts the next after success", second, [newMigration("b", 1, "Succeeded")], "promote"],
  ["starts the next after failure", second, [newMigration("b", 1, "Failed")], "promote"],
  ["does not wait for another resource", first, [ofJobs], "promote"],
  ["ends one that has succeeded", newMigration("a", 1, "Running", "Succeeded"), [], "finish"],
  ["ends one that has failed", newMigration("a", 1, "Running", "Failed"), [], "finish"],
  ["leaves alone what has ended", newMigration("a", 1, "Succeeded"), [], "none"],
];

for (const [title, migration, others, want] of cases)
  test(`planMigration() ${title}`, () =>
    assert.equal(planMigration(migration, [migration, ...others]), want));

test("isSameResource() takes no group for the core group", () => {
  const without = { ...first, spec: { resource: { resource: "secrets" } } };
  assert.equal(isSameResource(without as StorageVersionMigration, first), true);
  assert.equal(isSameResource(ofJobs, first), false);
});

test("withCondition() puts the condition in the place of the one of its type", () => {
  const done = withCondition(newMigration("a", 1, "Running"), condition("Succeeded"));
  const ended = withCondition(done, condition("Running", "False"));
  assert.deepEqual(
    ended.status?.conditions?.map(({ type, status }) => `${type}=${status}`),
    ["Succeeded=True", "Running=False"],
  );
  assert.deepEqual([has(ended, "Running"), has(ended, "Succeeded")], [false, true]);
});
