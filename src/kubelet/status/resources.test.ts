import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceRequirements } from "#api/core/v1/types.gen";
import type { LinuxContainerResources } from "#cri";
import { testContainer, testPod, testRuntimePod } from "../container/testing.ts";
import { podLevelResources, statusResources } from "./resources.ts";

const both = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

function told(
  granted: ResourceRequirements,
  has: LinuxContainerResources | undefined,
  actuated?: ResourceRequirements,
  state = "running",
): ResourceRequirements {
  const [current] = testRuntimePod([`c=${state}`]).containers;
  const container = testContainer("c", { resources: granted });
  return statusResources(container, { ...current!, ...(has !== undefined && { resources: has }) }, actuated);
}

const HAS = { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memoryLimitInBytes: 2 ** 20 };

test("statusResources() tells what the runtime has set, and the memory that kubelet reserved", () => {
  assert.deepEqual(told(both("1", "2Mi"), HAS, both("500m", "1Mi")), both("500m", "1Mi"));
});

test("statusResources() tells what kubelet asked for last where the runtime does not say", () => {
  assert.deepEqual(told(both("1", "2Mi"), undefined, both("500m", "1Mi")), both("500m", "1Mi"));
  assert.deepEqual(told(both("1", "2Mi"), undefined), both("1", "2Mi"));
});

test("statusResources() tells of one that does not run what it was granted", () => {
  assert.deepEqual(told(both("1", "2Mi"), HAS, both("500m", "1Mi"), "exited"), both("1", "2Mi"));
});

test("statusResources() keeps amounts that are smaller than the kernel can express", () => {
  const has = { cpuShares: 2, cpuQuota: 1000, cpuPeriod: 100_000, memoryLimitInBytes: 2 ** 20 };
  const tiny = { requests: { cpu: "1m", memory: "1Mi" }, limits: { cpu: "5m", memory: "1Mi" } };
  assert.deepEqual(told(tiny, has, tiny), tiny);
});

test("podLevelResources() tells what the pod has, and what it was granted", () => {
  const pod = testPod({ resources: both("2", "2Mi") });
  assert.deepEqual(podLevelResources(testPod(), undefined), {});
  assert.deepEqual(podLevelResources(pod, { pod: both("1", "1Mi"), containers: {} }), {
    resources: both("1", "1Mi"),
    allocatedResources: { cpu: "2", memory: "2Mi" },
  });
});
