import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, Pod } from "#api/core/v1/types.gen";
import { newPod, newReplicaSet, START, START_MS } from "../testing/objects.ts";
import { BURST_REPLICAS, nextAvailabilityInMs, plan, planStatus } from "./plan.ts";

const NOW_MS = START_MS + 3_600_000;
const cost = (value: string): Pod["metadata"]["annotations"] & object => ({
  "controller.kubernetes.io/pod-deletion-cost": value,
});
const restarts = (restartCount: number): readonly ContainerStatus[] => [
  { name: "c", image: "", imageID: "", ready: true, restartCount },
];

/** `pods` with the names of those that go, in order of their going. */
const removals: readonly {
  readonly name: string;
  readonly keep: number;
  readonly pods: readonly Pod[];
  readonly want: string;
}[] = [
  {
    name: "removes pods without a node first",
    keep: 1,
    pods: [newPod("a", { node: "n" }), newPod("b", { phase: "Pending", ready: false })],
    want: "b",
  },
  {
    name: "removes pending before unknown before running",
    keep: 1,
    pods: [
      newPod("a", { node: "n" }),
      newPod("b", { node: "n", phase: "Unknown" }),
      newPod("c", { node: "n", phase: "Pending" }),
    ],
    want: "c b",
  },
  {
    name: "removes pods that are not ready before ready ones",
    keep: 1,
    pods: [newPod("a", { node: "n" }), newPod("b", { node: "n", ready: false })],
    want: "b",
  },
  {
    name: "removes cheaper pods first",
    keep: 2,
    pods: [
      newPod("a", { node: "n", metadata: { annotations: cost("10") } }),
      newPod("b", { node: "n" }),
      newPod("c", { node: "n", metadata: { annotations: cost("-5") } }),
      newPod("d", { node: "n", metadata: { annotations: cost("+7") } }),
    ],
    want: "c b",
  },
  {
    name: "removes from crowded nodes first",
    keep: 2,
    pods: [newPod("a", { node: "n1" }), newPod("b", { node: "n2" }), newPod("c", { node: "n2" })],
    want: "b",
  },
  {
    name: "removes those that became ready last, by order of magnitude",
    keep: 1,
    pods: [newPod("a", { node: "n" }), newPod("b", { node: "n", readySince: "2026-01-02T00:59:00Z" })],
    want: "b",
  },
  {
    name: "lets the uid decide between pods of about the same age",
    keep: 1,
    pods: [newPod("b", { node: "n" }), newPod("a", { node: "n", readySince: "2026-01-02T00:00:01Z" })],
    want: "a",
  },
  {
    name: "removes those that restarted most",
    keep: 1,
    pods: [
      newPod("a", { node: "n" }),
      newPod("b", { node: "n", status: { containerStatuses: restarts(2) } }),
    ],
    want: "b",
  },
  {
    name: "removes the youngest",
    keep: 1,
    pods: [
      newPod("a", { node: "n" }),
      newPod("b", { node: "n", metadata: { creationTimestamp: "2026-01-02T00:59:30Z" } }),
    ],
    want: "b",
  },
];

for (const { name, keep, pods, want } of removals) {
  test(`plan() ${name}`, () => {
    const { create, remove } = plan(newReplicaSet("web", keep), pods, pods, NOW_MS);
    assert.equal(create, 0);
    assert.equal(remove.map((pod) => pod.metadata.name).join(" "), want);
  });
}

test("plan() creates what is missing, at most a burst at a time", () => {
  assert.equal(plan(newReplicaSet("web", 3), [newPod("a")], [], NOW_MS).create, 2);
  assert.equal(plan(newReplicaSet("web", 10_000), [], [], NOW_MS).create, BURST_REPLICAS);
});

test("planStatus() counts, and leaves zero counts out", () => {
  const pods = [newPod("a"), newPod("b", { ready: false }), newPod("c", { labels: {} })];
  const status = planStatus(newReplicaSet("web", 3), pods, [newPod("d")], undefined, NOW_MS);
  const want = {
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  };
  assert.deepEqual(status, { ...want, terminatingReplicas: 1 });
  const none = planStatus(newReplicaSet("web", 3), [], [], undefined, NOW_MS);
  assert.deepEqual(none, { replicas: 0, observedGeneration: 1, terminatingReplicas: 0 });
});

test("planStatus() counts a pod as available minReadySeconds after it became ready", () => {
  const rs = newReplicaSet("web", 1, { minReadySeconds: 10 });
  const pods = [newPod("a", { readySince: START })];
  assert.equal(planStatus(rs, pods, [], undefined, START_MS + 9_000).availableReplicas, undefined);
  assert.equal(nextAvailabilityInMs(rs, pods, START_MS + 9_000), 1_000);
  assert.equal(planStatus(rs, pods, [], undefined, START_MS + 10_000).availableReplicas, 1);
  assert.equal(nextAvailabilityInMs(rs, pods, START_MS + 10_000), undefined);
});

test("planStatus() keeps the first failure until a plan succeeds", () => {
  const rs = newReplicaSet("web", 1);
  const failed = planStatus(rs, [], [], "exceeded quota", START_MS);
  const condition = {
    type: "ReplicaFailure",
    status: "True",
    reason: "FailedCreate",
    message: "exceeded quota",
  };
  assert.deepEqual(failed.conditions, [{ ...condition, lastTransitionTime: START }]);
  const again = planStatus({ ...rs, status: failed }, [], [], "something else", NOW_MS);
  assert.deepEqual(again.conditions, failed.conditions);
  assert.equal(planStatus({ ...rs, status: failed }, [], [], undefined, NOW_MS).conditions, undefined);
});
