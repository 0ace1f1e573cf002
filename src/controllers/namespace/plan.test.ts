import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { planConditions, recheckInMs, unexpected } from "./plan.ts";

const pods = (...objects: readonly ReturnType<typeof newPod>[]) => ({ kind: Pods as Kind, objects });
const configMap = (finalizers: readonly string[]) => ({
  kind: ConfigMaps as Kind,
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

test("unexpected() names what stays for no reason", () => {
  assert.equal(unexpected(configMap([])).length, 1);
  assert.equal(unexpected(configMap(["example.com/a"])).length, 0);
  assert.equal(unexpected(pods(newPod("p", { spec: { terminationGracePeriodSeconds: 30 } }))).length, 0);
});
