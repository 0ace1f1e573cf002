import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { allocationOf, isAllocated, isIncrease, sameResources, withAllocation } from "./pod-allocation.ts";

function podWith(resources: ResourceRequirements, whole?: ResourceRequirements): Pod {
  const containers = [testContainer("c", { resources })];
  return testPod({ containers, ...(whole !== undefined && { resources: whole }) });
}

test("withAllocation() leaves a pod alone that asks for what it has, in whatever words", () => {
  const pod = podWith({ requests: { cpu: "1" } });
  assert.equal(withAllocation(pod, undefined), pod);
  assert.equal(withAllocation(pod, allocationOf(podWith({ requests: { cpu: "1000m" } }))), pod);
});

test("withAllocation() shows the pod as it was granted", () => {
  const before = podWith({ requests: { cpu: "1" } }, { limits: { memory: "1Gi" } });
  const after = podWith({ requests: { cpu: "2" } }, { limits: { memory: "2Gi" } });
  assert.equal(isAllocated(after, allocationOf(before)), false);
  const shown = withAllocation(after, allocationOf(before));
  assert.deepEqual(shown.spec, before.spec);
});

test("sameResources() sees a limit that was added", () => {
  const requests = { cpu: "1" };
  assert.equal(sameResources({ requests }, { requests, limits: {} }), true);
  assert.equal(sameResources({ requests }, { requests, limits: { cpu: "1" } }), false);
  assert.equal(sameResources(undefined, {}), true);
});

test("isIncrease() looks at requests alone", () => {
  const small = podWith({ requests: { cpu: "1", memory: "1Gi" } });
  const large = podWith({ requests: { cpu: "1", memory: "2Gi" } });
  assert.equal(isIncrease(small, large), true);
  assert.equal(isIncrease(large, small), false);
  assert.equal(
    isIncrease(small, podWith({ requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "9" } })),
    false,
  );
});
