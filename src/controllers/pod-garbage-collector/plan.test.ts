import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { newNode, newPod, START } from "../testing/objects.ts";
import { plan, surplusTerminated } from "./plan.ts";

const deleted = { metadata: { deletionTimestamp: START } };
const dead = newNode("n", "Unknown", {
  spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] },
});

const cases: readonly {
  readonly name: string;
  readonly pod: Pod;
  readonly node?: Node;
  readonly want: string;
}[] = [
  { name: "keeps a running pod", pod: newPod("p", { node: "n" }), node: newNode("n"), want: "keep" },
  { name: "keeps a pod that waits for a node", pod: newPod("p"), want: "keep" },
  { name: "gives up a pod of a missing node", pod: newPod("p", { node: "n" }), want: "orphaned" },
  { name: "removes a deleted pod that never had a node", pod: newPod("p", deleted), want: "unscheduled" },
  {
    name: "leaves a deleted pod to its kubelet",
    pod: newPod("p", { node: "n", ...deleted }),
    node: newNode("n", "Unknown"),
    want: "keep",
  },
  {
    name: "removes a deleted pod of a dead node",
    pod: newPod("p", { node: "n", ...deleted }),
    node: dead,
    want: "outOfService",
  },
  {
    name: "leaves other pods of a dead node to eviction",
    pod: newPod("p", { node: "n" }),
    node: dead,
    want: "keep",
  },
];

for (const { name, pod, node, want } of cases) {
  test(`plan() ${name}`, () => assert.equal(plan(pod, node), want));
}

const at = (name: string, creationTimestamp: string, reason = ""): Pod =>
  newPod(name, { phase: "Failed", metadata: { creationTimestamp }, status: { reason } });

test("surplusTerminated() takes evicted pods, then the oldest", () => {
  const pods = [
    at("b", "2026-01-02T00:00:02Z"),
    at("a", "2026-01-02T00:00:01Z"),
    at("c", "2026-01-02T00:00:03Z", "Evicted"),
  ];
  const names = (max: number): string =>
    surplusTerminated(pods, max)
      .map(({ metadata }) => metadata.name)
      .join("");
  assert.deepEqual([names(3), names(2), names(1), names(0)], ["", "c", "ca", ""]);
});
