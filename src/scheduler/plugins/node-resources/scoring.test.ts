import assert from "node:assert/strict";
import { test } from "node:test";
import { podInfo } from "../../cache/pod-info.ts";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import type { ScoringStrategy } from "../../config/types.ts";
import { testNode, testPod } from "../../fixture.ts";
import { nodeResourcesBalancedAllocation } from "./balanced-allocation.ts";
import { leastAllocated, scoreByStrategy } from "./scoring.ts";

const both = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];
const shape = [
  { utilization: 0, score: 0 },
  { utilization: 50, score: 10 },
  { utilization: 100, score: 0 },
];

/** A node of 4 CPUs and 16 GiB with a pod of 1 CPU and 4 GiB; another such pod comes. */
const cases: readonly (readonly [string, ScoringStrategy, number])[] = [
  ["LeastAllocated", { type: "LeastAllocated", resources: both }, 50],
  ["MostAllocated", { type: "MostAllocated", resources: both }, 50],
  [
    "MostAllocated by weight",
    { type: "MostAllocated", resources: [{ name: "cpu", weight: 3 }, both[1]!] },
    50,
  ],
  [
    "LeastAllocated of what nobody has",
    { type: "LeastAllocated", resources: [{ name: "x.y/z", weight: 1 }] },
    0,
  ],
  [
    "RequestedToCapacityRatio at the top of its shape",
    { type: "RequestedToCapacityRatio", resources: both, requestedToCapacityRatio: { shape } },
    100,
  ],
];

const cache = new SchedulerCache();
cache.setNode(testNode("a"));
cache.setPod(testPod("running", { cpu: "1", memory: "4Gi", spec: { nodeName: "a" } }));
const node = cache.get("a")!;
const pod = podInfo(testPod("new", { cpu: "1", memory: "4Gi" }));

for (const [name, strategy, want] of cases) {
  test(`scoreByStrategy() scores ${name}`, () => {
    assert.equal(scoreByStrategy(strategy)(new Map(), pod, node), want);
  });
}

test("leastAllocated() is the strategy of the same name over CPU and memory", () => {
  const general = scoreByStrategy({ type: "LeastAllocated", resources: both });
  for (const cpu of ["100m", "2", "3", "9"]) {
    const other = podInfo(testPod("other", { cpu, memory: "1Gi" }));
    assert.equal(leastAllocated(new Map(), other, node), general(new Map(), other, node));
  }
});

function balance(cpu: string, memory: string): number {
  const plugin = nodeResourcesBalancedAllocation({ resources: both });
  return plugin.score!(new Map(), podInfo(testPod("p", { cpu, memory })), node);
}

test("NodeResourcesBalancedAllocation scores what the pod does to the balance", () => {
  assert.equal(balance("1", "4Gi"), 75);
  assert.ok(balance("3", "1Mi") < 75);
});

test("scoreByStrategy() counts devices where a node has nothing else of a resource", () => {
  const gpu = "example.com/gpu";
  const base = testPod("asks", {});
  const containers = [{ name: "c", resources: { requests: { [gpu]: "1" } } }];
  const asking = podInfo({ ...base, spec: { ...base.spec, containers } });
  const resources = [{ name: gpu, weight: 1 }];
  const devices = (name: string) => (name === gpu ? { capacity: 4, used: 1 } : undefined);
  const strategy: ScoringStrategy = { type: "MostAllocated", resources };
  assert.equal(scoreByStrategy(strategy, devices)(new Map(), asking, node), 50);
  assert.equal(scoreByStrategy(strategy)(new Map(), asking, node), 0);
});
