import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceTaintRule, ResourceClaim, ResourceSlice } from "#api/resource/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { RuleEvictions } from "./rule-evictions.ts";
import type { RuleFacts } from "./rule-status.ts";
import { EVICTION_IN_PROGRESS, isDrivenBy, planCondition, renewalInMs } from "./rule-status.ts";

function rule(effect: string, generation = 1): DeviceTaintRule {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceTaintRule",
    metadata: { name: "r", uid: "uid-r", generation },
    spec: { deviceSelector: { driver: "d" }, taint: { key: "broken", effect, timeAdded: START } },
  };
}

const claim: ResourceClaim = {
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceClaim",
  metadata: { name: "c", namespace: "default" },
  spec: {},
  status: {
    allocation: { devices: { results: [{ request: "r", driver: "d", pool: "n", device: "gpu-0" }] } },
    reservedFor: [{ resource: "pods", name: "p", uid: "uid-p" }],
  },
};
const slice: ResourceSlice = {
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceSlice",
  metadata: { name: "s" },
  spec: {
    driver: "d",
    pool: { name: "n", generation: 1, resourceSliceCount: 1 },
    devices: [{ name: "gpu-0" }, { name: "gpu-1" }],
  },
};
const pod = newPod("p", { node: "n", spec: { resourceClaims: [{ name: "gpu", resourceClaimName: "c" }] } });
const going = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: START } };
const facts: RuleFacts = {
  pods: [pod],
  world: { rules: () => [], claim: () => claim, slices: () => [slice] },
  slices: [slice],
  claims: [claim],
  evicted: 0,
};

const cases = [
  {
    name: "tells of pods that are to go",
    rule: rule("NoExecute"),
    facts,
    want: "True PodsPendingEviction: 1 pod needs to be evicted in 1 namespace.",
  },
  {
    name: "tells that nothing has to go",
    rule: rule("NoExecute"),
    facts: { ...facts, pods: [going] },
    want: "False NotStarted: ",
  },
  {
    name: "tells that all have gone",
    rule: rule("NoExecute"),
    facts: { ...facts, pods: [], evicted: 2 },
    want: "False Completed: 2 pods evicted since starting the controller.",
  },
  {
    name: "tells what would be",
    rule: rule("None"),
    facts,
    want:
      "False NoEffect: 2 published devices selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace " +
      "if the effect was NoExecute. This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.",
  },
  {
    name: "tells that other effects drive nobody away",
    rule: rule("NoSchedule"),
    facts,
    want: "False OtherEffect: Eviction only happens for the NoExecute effect.",
  },
];

for (const { name, rule: given, facts: known, want } of cases) {
  test(`planCondition() ${name}, and says it once`, () => {
    const made = planCondition(given, known, START_MS)!;
    assert.equal(`${made.status} ${made.reason}: ${made.message}`, want);
    assert.equal(planCondition({ ...given, status: { conditions: [made] } }, known, START_MS + 1), undefined);
  });
}

test("renewalInMs() lets a condition stand for ten seconds, unless the rule has changed", () => {
  const condition = {
    type: EVICTION_IN_PROGRESS,
    status: "True",
    reason: "R",
    message: "",
    lastTransitionTime: START,
  };
  const conditions = [{ ...condition, observedGeneration: 1 }];
  assert.equal(renewalInMs({ ...rule("NoExecute"), status: { conditions } }, START_MS + 4_000), 6_000);
  assert.equal(renewalInMs({ ...rule("NoExecute", 2), status: { conditions } }, START_MS + 4_000), 0);
  assert.equal(renewalInMs(rule("NoExecute"), START_MS), 0);
});

test("RuleEvictions counts by rule, while it exists", () => {
  const evictions = new RuleEvictions();
  if (isDrivenBy(rule("NoExecute"), pod, facts.world)) evictions.note("uid-r");
  assert.equal(isDrivenBy(rule("NoSchedule"), pod, facts.world), false);
  assert.equal(evictions.of("uid-r"), 1);
  evictions.keepOnly(new Set());
  assert.equal(evictions.of("uid-r"), 0);
});
