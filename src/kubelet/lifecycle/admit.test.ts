import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { admit } from "./admit.ts";

const asking = (cpu: string): ReturnType<typeof testPod> =>
  testPod({ containers: [testContainer("c", { resources: { requests: { cpu } } })] });
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

test("admit() tells what a critical pod lacks, unless something else keeps it from the node", () => {
  const priority = 2_000_000_000;
  const pod = testPod({ ...asking("1500m").spec, priority });
  const failure = admit(pod, [asking("1")], { ...allocatable, pods: "1" }, undefined);
  assert.deepEqual(
    [failure?.reason, failure?.shortages?.map(({ resource, amount }) => [resource, amount])],
    [
      "OutOfpods",
      [
        ["pods", 1],
        ["cpu", 500],
      ],
    ],
  );
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
  const elsewhere = testPod({ ...pod.spec, nodeSelector: { disk: "ssd" } });
  assert.equal(admit(elsewhere, [asking("1")], allocatable, node)?.reason, "NodeAffinity");
  assert.equal(admit(asking("2"), [asking("1")], allocatable, undefined)?.shortages, undefined);
});

test("admit() refuses pods of another system", () => {
  assert.equal(
    admit(testPod({ os: { name: "windows" } }), [], allocatable, undefined)?.reason,
    "PodOSNotSupported",
  );
});

test("admit() refuses a pod that selects other nodes", () => {
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels: { disk: "hdd" } } };
  assert.equal(
    admit(testPod({ nodeSelector: { disk: "ssd" } }), [], allocatable, node)?.reason,
    "NodeAffinity",
  );
  assert.equal(admit(testPod({ nodeSelector: { disk: "hdd" } }), [], allocatable, node), undefined);
});

function on(node: string): ReturnType<typeof testPod> {
  const term = { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] };
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [term] };
  return testPod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } });
}

function using(port: object): ReturnType<typeof testPod> {
  return testPod({ containers: [testContainer("c", { ports: [{ containerPort: 80, ...port }] })] });
}

test("admit() refuses a pod that requires other nodes by affinity", () => {
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
  assert.equal(admit(on("n1"), [], allocatable, node), undefined);
  assert.equal(admit(on("n2"), [], allocatable, node)?.reason, "NodeAffinity");
});

test("admit() refuses a host port that another pod has", () => {
  const cases: readonly [used: object, wanted: object, expected: string | undefined][] = [
    [{ hostPort: 8080 }, { hostPort: 8080 }, "NodePorts"],
    [{ hostPort: 8080 }, { hostPort: 8080, hostIP: "127.0.0.1" }, "NodePorts"],
    [{ hostPort: 8080, hostIP: "127.0.0.1" }, { hostPort: 8080 }, "NodePorts"],
    [{ hostPort: 8080, hostIP: "127.0.0.1" }, { hostPort: 8080, hostIP: "127.0.0.2" }, undefined],
    [{ hostPort: 8080 }, { hostPort: 8080, protocol: "UDP" }, undefined],
    [{ hostPort: 8080 }, { hostPort: 8081 }, undefined],
    [{}, {}, undefined],
  ];
  for (const [used, wanted, expected] of cases)
    assert.equal(admit(using(wanted), [using(used)], allocatable, undefined)?.reason, expected);
  assert.equal(
    admit(using({ hostPort: 1 }), [using({ hostPort: 1 })], allocatable, undefined)?.message,
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  );
});

test("admit() refuses a pod that does not stand a NoExecute taint", () => {
  const taints = [
    { key: "down", effect: "NoExecute" },
    { key: "full", effect: "NoSchedule" },
  ];
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" }, spec: { taints } };
  assert.equal(admit(testPod(), [], allocatable, node)?.reason, "TaintToleration");
  const tolerant = testPod({ tolerations: [{ key: "down", operator: "Exists" }] });
  assert.equal(admit(tolerant, [], allocatable, node), undefined);
});
