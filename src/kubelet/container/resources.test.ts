import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceRequirements } from "#api/core/v1/types.gen";
import { qosClassOf } from "./qos.ts";
import {
  containerResources,
  milliCPUToQuota,
  milliCPUToShares,
  podCgroupResources,
  podRequests,
} from "./resources.ts";
import { testContainer as c, testPod } from "./testing.ts";

const GIB = 2 ** 30;
const of = (...resources: readonly ResourceRequirements[]): ReturnType<typeof testPod> =>
  testPod({ containers: resources.map((r, i) => c(`c${i}`, { resources: r })) });

const classes: readonly (readonly [string, readonly ResourceRequirements[], string])[] = [
  ["nothing asked", [{}], "BestEffort"],
  ["only zero asked", [{ requests: { cpu: "0" } }], "BestEffort"],
  ["limits that are not yet requests, too", [{ limits: { cpu: "1", memory: "1Gi" } }], "Burstable"],
  [
    "equal requests and limits",
    [{ limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1000m", memory: "1Gi" } }],
    "Guaranteed",
  ],
  ["a limit missing", [{ limits: { memory: "1Gi" }, requests: { memory: "1Gi" } }], "Burstable"],
  ["one container without", [{ limits: { cpu: "1", memory: "1Gi" } }, {}], "Burstable"],
];

for (const [name, resources, want] of classes) {
  test(`qosClassOf() a pod with ${name} is ${want}`, () => assert.equal(qosClassOf(of(...resources)), want));
}

test("milliCPUToShares() and milliCPUToQuota() keep the kernel's minimum", () => {
  assert.deepEqual([0, 1, 100, 1000].map(milliCPUToShares), [2, 2, 102, 1024]);
  assert.deepEqual(
    [0, 1, 500].map((milliCPU) => milliCPUToQuota(milliCPU)),
    [0, 1000, 50_000],
  );
});

test("containerResources() turns limits into the kernel's units", () => {
  const pod = of({ requests: { cpu: "250m", memory: "1Gi" }, limits: { cpu: "500m", memory: "2Gi" } });
  assert.deepEqual(containerResources(pod.spec!.containers[0]!, pod, { memoryCapacityBytes: 4 * GIB }), {
    cpuShares: 256,
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    memoryLimitInBytes: 2 * GIB,
    memorySwapLimitInBytes: 2 * GIB,
    oomScoreAdj: 750,
  });
});

function cpu(amount: string): { readonly resources: ResourceRequirements } {
  return { resources: { requests: { cpu: amount } } };
}

test("podRequests() takes the larger of init containers and the rest, with sidecars beside both", () => {
  const pod = testPod({
    initContainers: [c("s", { restartPolicy: "Always", ...cpu("100m") }), c("i", cpu("2"))],
    containers: [c("a", cpu("500m")), c("b", cpu("500m"))],
    overhead: { cpu: "10m" },
  });
  assert.equal(podRequests(pod, "cpu"), 2110);
});

test("podCgroupResources() limits a pod only when every container is limited", () => {
  assert.deepEqual(podCgroupResources(of({ limits: { cpu: "1", memory: "1Gi" } }, {})), { cpuShares: 1024 });
  assert.deepEqual(podCgroupResources(of({ limits: { cpu: "1", memory: "1Gi" } })), {
    cpuShares: 1024,
    cpuQuotaUs: 100_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: GIB,
  });
});
