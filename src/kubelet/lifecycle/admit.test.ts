import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { admit } from "./admit.ts";

const asking = (cpu: string): ReturnType<typeof testPod> =>
  testPod({ containers: [testContainer("c", { resources: { requests: { cpu } } })] });
const withSysctl = (name: string): ReturnType<typeof testPod> =>
  testPod({ securityContext: { sysctls: [{ name, value: "1" }] } });
const allocatable = { cpu: "2", memory: "1Gi", pods: "2" };

test("admit() takes a pod that fits", () => {
  assert.equal(admit(asking("1"), [asking("1")], allocatable, undefined), undefined);
});

test("admit() refuses a pod that does not fit, with the amounts", () => {
  assert.deepEqual(admit(asking("1500m"), [asking("1")], allocatable, undefined), {
    reason: "OutOfcpu",
    message:
      "Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  });
  assert.equal(admit(testPod(), [testPod(), testPod()], allocatable, undefined)?.reason, "OutOfpods");
});

test("admit() refuses sysctls that reach beyond the pod", () => {
  assert.equal(admit(withSysctl("net.ipv4.tcp_syncookies"), [], allocatable, undefined), undefined);
  assert.deepEqual(admit(withSysctl("kernel.msgmax"), [], allocatable, undefined), {
    reason: "SysctlForbidden",
    message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
  });
});

test("admit() refuses a pod that selects other nodes", () => {
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels: { disk: "hdd" } } };
  assert.equal(
    admit(testPod({ nodeSelector: { disk: "ssd" } }), [], allocatable, node)?.reason,
    "NodeAffinity",
  );
  assert.equal(admit(testPod({ nodeSelector: { disk: "hdd" } }), [], allocatable, node), undefined);
});
