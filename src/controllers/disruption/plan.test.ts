import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  PodDisruptionBudget,
  PodDisruptionBudgetSpec,
  PodDisruptionBudgetStatus,
} from "#api/policy/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { DELETION_TIMEOUT_MS, plan } from "./plan.ts";

function budget(spec: PodDisruptionBudgetSpec, status: PodDisruptionBudgetStatus = {}): PodDisruptionBudget {
  const metadata = { name: "web", namespace: "default", generation: 2 };
  return { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata, spec, status };
}

/** `pods` is a letter per pod: r ready, n not ready, d being deleted. `want` is allowed/healthy/desired/expected. */
const cases: readonly {
  readonly name: string;
  readonly spec: PodDisruptionBudgetSpec;
  readonly pods: string;
  readonly want: string;
}[] = [
  { name: "allows what is above minAvailable", spec: { minAvailable: 2 }, pods: "rrr", want: "1/3/2/3" },
  { name: "allows nothing below it", spec: { minAvailable: 2 }, pods: "rnd", want: "0/1/2/3" },
  {
    name: "takes a percentage of what controllers want, rounded up",
    spec: { minAvailable: "50%" },
    pods: "rrr",
    want: "0/3/3/5",
  },
  {
    name: "counts down from what controllers want",
    spec: { maxUnavailable: 2 },
    pods: "rrrr",
    want: "1/4/3/5",
  },
  { name: "rounds maxUnavailable up", spec: { maxUnavailable: "30%" }, pods: "rrrrr", want: "2/5/3/5" },
  { name: "allows nothing without pods", spec: { minAvailable: 0 }, pods: "", want: "0/0/0/0" },
  { name: "allows nothing without a rule", spec: {}, pods: "rr", want: "0/2/0/0" },
];

for (const { name, spec, pods, want } of cases) {
  test(`plan() ${name}`, () => {
    const all = Array.from(pods, (letter, i) =>
      newPod(`p${i}`, {
        ready: letter !== "n",
        metadata: letter === "d" ? { deletionTimestamp: START } : {},
      }),
    );
    const { status } = plan(budget(spec), all, 5, START_MS);
    const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = status;
    assert.equal([disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods].join("/"), want);
    assert.equal(
      status.conditions?.[0]?.reason,
      disruptionsAllowed! > 0 ? "SufficientPods" : "InsufficientPods",
    );
    assert.equal(status.observedGeneration, 2);
  });
}

test("plan() counts a pod whose eviction was granted as gone, until it should have been deleted", () => {
  const granted = budget({ minAvailable: 1 }, { disruptedPods: { p: START, gone: START } });
  const pods = [newPod("p"), newPod("q")];
  const during = plan(granted, pods, 0, START_MS + 1000);
  assert.deepEqual([during.status.disruptionsAllowed, during.status.disruptedPods], [0, { p: START }]);
  assert.equal(during.recheckInMs, DELETION_TIMEOUT_MS - 1000 + 1);
  const later = plan(granted, pods, 0, START_MS + DELETION_TIMEOUT_MS + 1);
  assert.deepEqual([later.status.disruptionsAllowed, later.status.disruptedPods], [1, undefined]);
  assert.deepEqual(
    later.notDeleted.map(({ metadata }) => metadata.name),
    ["p"],
  );
});
