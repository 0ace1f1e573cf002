import assert from "node:assert/strict";
import { test } from "node:test";
import { testContainer } from "../container/testing.ts";
import type { CgroupResources } from "../platform/platform.ts";
import type { ContainerUpdate, ResizeActions } from "../pod-workers/actions.ts";
import { planPodResize, refusedLimits, sinkingLimits } from "./plan-pod-resize.ts";

const update = (resource: "cpu" | "memory", before?: number, after?: number): ContainerUpdate => ({
  id: "c0",
  container: testContainer("c"),
  resource,
  desired: { memoryLimit: after },
  current: { memoryLimit: before },
});
const NOTHING: ResizeActions = { memory: [], cpu: [], updatePod: false };
const MEMORY = { ...NOTHING, memory: [update("memory")] };
const CPU = { ...NOTHING, cpu: [update("cpu")] };

function steps(current: CgroupResources, desired: CgroupResources, actions: ResizeActions): string {
  return planPodResize(current, desired, actions)
    .map((step) => ("pod" in step ? Object.keys(step.pod)[0] : step.container.resource))
    .join(" ");
}

const CASES: readonly (readonly [string, CgroupResources, CgroupResources, ResizeActions, string])[] = [
  ["more memory", { memoryLimitBytes: 1 }, { memoryLimitBytes: 2 }, MEMORY, "memoryLimitBytes memory"],
  ["less memory", { memoryLimitBytes: 2 }, { memoryLimitBytes: 1 }, MEMORY, "memory memoryLimitBytes"],
  ["a first limit", {}, { memoryLimitBytes: 1 }, MEMORY, "memory memoryLimitBytes"],
  ["no limit at all", {}, {}, MEMORY, "memory"],
  [
    "more cpu",
    { cpuShares: 2, cpuQuotaUs: 1000 },
    { cpuShares: 4, cpuQuotaUs: 2000 },
    CPU,
    "cpuQuotaUs cpuShares cpu",
  ],
  [
    "less cpu",
    { cpuShares: 4, cpuQuotaUs: 2000 },
    { cpuShares: 2, cpuQuotaUs: 1000 },
    CPU,
    "cpu cpuShares cpuQuotaUs",
  ],
  [
    "a restart of a container",
    { memoryLimitBytes: 1, cpuShares: 2 },
    { memoryLimitBytes: 2, cpuShares: 1 },
    { ...NOTHING, updatePod: true },
    "memoryLimitBytes cpuShares",
  ],
  ["nothing", { memoryLimitBytes: 1 }, { memoryLimitBytes: 2 }, NOTHING, ""],
];

for (const [what, current, desired, actions, want] of CASES) {
  test(`planPodResize() of ${what}`, () => {
    assert.equal(steps(current, desired, actions), want);
  });
}

test("refusedLimits() keeps limits above what is in use", () => {
  const actions = { ...NOTHING, memory: [update("memory", 100, 50)] };
  const sinking = sinkingLimits({ memoryLimitBytes: 100 }, { memoryLimitBytes: 50 }, actions);
  assert.deepEqual(sinking, { pod: 50, containers: { c: 50 } });
  assert.equal(refusedLimits(sinking, { pod: 49, containers: { c: 49 } }), undefined);
  assert.equal(
    refusedLimits(sinking, { pod: 50, containers: { c: 60 } }),
    'cannot decrease memory limits: [attempting to set pod memory limit (50) below current usage (50), attempting to set container "c" memory limit (50) below current usage (60)]',
  );
  assert.equal(
    refusedLimits({ pod: undefined, containers: { c: 50 } }, { pod: undefined, containers: {} }),
    'cannot decrease memory limits: missing container "c" memory usage',
  );
  assert.deepEqual(sinkingLimits({}, {}, { ...NOTHING, memory: [update("memory", 50, 100)] }), {
    pod: undefined,
    containers: {},
  });
});
