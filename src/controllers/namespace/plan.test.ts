import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { graceLeft, isUnexpected, planConditions, recheckInMs } from "./plan.ts";

const pods = (...objects: readonly ReturnType<typeof newPod>[]) => ({
  kind: Pods as Kind,
  objects,
  graceSeconds: graceLeft(Pods as Kind, objects, 0),
});
const configMap = (finalizers: readonly string[]) => ({
  kind: ConfigMaps as Kind,
  graceSeconds: 0,
  objects: [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "default", finalizers } },
  ],
});

test("planConditions() tells what remains and what keeps it, and keeps times while nothing changes", () => {
  const outcome = { remaining: [configMap(["example.com/a"]), pods(newPod("p"))], failures: [] };
  const conditions = planConditions([], outcome, START_MS);
  const shown = conditions.map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
  assert.deepEqual(shown, [
    "NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered",
    "NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed",
    "NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization",
    "NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances",
    "NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/a in 1 resource instances",
  ]);
  assert.equal(planConditions(conditions, outcome, START_MS + 1000), conditions);
  const later = planConditions(conditions, { remaining: [], failures: ["b", "a"] }, START_MS + 1000);
  assert.equal(later[2]?.message, "Failed to delete all resource types, 2 remaining: a, b");
  assert.deepEqual(
    later.map(({ lastTransitionTime }) => lastTransitionTime === START),
    [true, true, false, false, false],
  );
});

const rechecks = [
  { name: "is 0 when nothing remains", remaining: [pods(), configMap([])].slice(0, 1), want: 0 },
  {
    name: "is half the longest grace period",
    remaining: [pods(newPod("p", { spec: { terminationGracePeriodSeconds: 30 } }))],
    want: 16_000,
  },
  {
    name: "ignores the grace of finished pods",
    remaining: [pods(newPod("p", { phase: "Failed", spec: { terminationGracePeriodSeconds: 30 } }))],
    want: 1_000,
  },
  { name: "waits for finalizers", remaining: [configMap(["example.com/a"])], want: 8_000 },
];

for (const { name, remaining, want } of rechecks) {
  test(`recheckInMs() ${name}`, () => assert.equal(recheckInMs({ remaining, failures: [] }), want));
}

const grace30 = newPod("p", { spec: { terminationGracePeriodSeconds: 30 } });
const graces: readonly (readonly [string, readonly ReturnType<typeof newPod>[], number, number])[] = [
  ["is the longest of the pods", [grace30, newPod("q")], 29_000, 30],
  ["is over when the namespace has been going for as long", [grace30], 30_000, 0],
  [
    "ignores pods that have ended",
    [newPod("p", { phase: "Succeeded", spec: { terminationGracePeriodSeconds: 30 } })],
    0,
    0,
  ],
];

for (const [name, objects, sinceMs, want] of graces) {
  test(`graceLeft() ${name}`, () => assert.equal(graceLeft(Pods as Kind, objects, sinceMs), want));
}

test("isUnexpected() says of what stays for no reason, also when it is being deleted", () => {
  assert.equal(isUnexpected(configMap([])), true);
  assert.equal(isUnexpected(configMap(["example.com/a"])), false);
  assert.equal(isUnexpected(pods(grace30)), false);
  assert.equal(isUnexpected({ ...pods(grace30), graceSeconds: 0 }), true);
  assert.equal(isUnexpected(pods()), false);
});
