import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/policy/v1/types.gen";
import { StatusError } from "#apimachinery";
import { planEviction } from "./plan-eviction.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "default", labels: { app: "web" } },
  status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
};

function newBudget(status: Partial<PodDisruptionBudgetStatus>): PodDisruptionBudget {
  const counts = { currentHealthy: 3, desiredHealthy: 3, expectedPods: 3, disruptionsAllowed: 0 };
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace: "default", generation: 2 },
    spec: { selector: { matchLabels: { app: "web" } } },
    status: { observedGeneration: 2, ...counts, ...status },
  };
}

function denied(reason: string, message: string): Partial<PodDisruptionBudgetStatus> {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  return {
    conditions: [{ type: "DisruptionAllowed", status: "False", reason, message, lastTransitionTime }],
  };
}

const cases: readonly [
  status: Partial<PodDisruptionBudgetStatus>,
  why: string,
  retryAfterSeconds: number | undefined,
][] = [
  [{ observedGeneration: 1 }, "is still being processed by the server.", 10],
  [{}, "needs 3 healthy pods and has 3 currently", undefined],
  [
    denied("SyncFailed", "no scale"),
    "does not allow evicting pods currently because it failed sync: no scale",
    undefined,
  ],
  [
    { currentHealthy: 4, ...denied("InsufficientPods", "too few") },
    "does not allow evicting pods currently (InsufficientPods): too few",
    undefined,
  ],
  [{ currentHealthy: 4 }, "does not allow evicting pods currently", undefined],
];

for (const [status, why, retryAfterSeconds] of cases)
  test(`planEviction() refuses because the budget ${why}`, () => {
    assert.throws(
      () => planEviction(pod, [newBudget(status)], 0),
      (err) => {
        assert.ok(err instanceof StatusError);
        assert.deepEqual([err.code, err.reason], [429, "TooManyRequests"]);
        assert.equal(err.details?.causes?.[0]?.message, `The disruption budget web ${why}`);
        assert.equal(err.details.retryAfterSeconds, retryAfterSeconds);
        return true;
      },
    );
  });

const unready: Pod = {
  ...pod,
  status: { phase: "Running", conditions: [{ type: "Ready", status: "False" }] },
};

for (const [policy, currentHealthy, outcome] of [
  ["AlwaysAllow", 1, "free"],
  ["IfHealthyBudget", 3, "free"],
  ["IfHealthyBudget", 2, "refused"],
  [undefined, 2, "refused"],
] as const)
  test(`planEviction() with ${policy ?? "no policy"} for unhealthy pods and ${currentHealthy} of 3 healthy: ${outcome}`, () => {
    const budget = newBudget({ currentHealthy });
    const spec = { ...budget.spec, ...(policy !== undefined && { unhealthyPodEvictionPolicy: policy }) };
    const evict = (one: Pod): unknown => planEviction(one, [{ ...budget, spec }], 0);
    if (outcome === "free") assert.equal(evict(unready), undefined);
    else assert.throws(() => evict(unready), { code: 429 });
    assert.throws(() => evict(pod), { code: 429 }, "a pod that is ready always counts");
  });

test("planEviction() counts the eviction", () => {
  const budget = planEviction(pod, [newBudget({ disruptionsAllowed: 1 })], 0);
  assert.equal(budget?.status?.disruptionsAllowed, 0);
  assert.deepEqual(budget.status?.disruptedPods, { "web-1": "1970-01-01T00:00:00Z" });
});
