import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { formatRequirements, planPreemption, type Requirement } from "./plan-preemption.ts";

const CRITICAL = 2_000_000_000;

function pod(name: string, requests: Record<string, string>, limits = {}, priority?: number): Pod {
  const containers = [testContainer("c", { resources: { requests, limits } })];
  return testPod({ containers, ...(priority !== undefined && { priority }) }, { name, uid: name });
}

const critical = pod("critical", {}, {}, CRITICAL);
const guaranteed = (name: string, cpu: string, memory: string): Pod =>
  pod(name, { cpu, memory }, { cpu, memory });
const cpu = (amount: number): Requirement => ({ resource: "cpu", amount });
const memory = (amount: number): Requirement => ({ resource: "memory", amount });
const pods = (amount: number): Requirement => ({ resource: "pods", amount });

const small = pod("small", { cpu: "100m", memory: "100" });
const middle = pod("middle", { cpu: "300m", memory: "100" });
const large = pod("large", { cpu: "800m", memory: "800" });
const nothing = pod("nothing", {});
const precious = guaranteed("precious", "1", "1000");
const cheap = guaranteed("cheap", "500m", "500");

const cases: readonly [
  what: string,
  pods: readonly Pod[],
  lacking: readonly Requirement[],
  go: string | undefined,
][] = [
  ["nobody when nothing is lacking", [small, large], [], ""],
  ["the one pod that is enough, not the largest", [small, middle, large], [cpu(250)], "middle"],
  ["one large pod rather than two", [small, middle, large], [cpu(400)], "large"],
  ["several when one is not enough", [small, middle, large], [cpu(1000)], "large middle"],
  ["burstable before guaranteed", [precious, middle, large], [cpu(700)], "large"],
  [
    "guaranteed ones for what the others do not give, and no more than that",
    [precious, cheap, small],
    [cpu(550)],
    "small cheap",
  ],
  ["best-effort pods for their place", [nothing, large, precious], [pods(1)], "nothing"],
  ["what gives most of all that is lacking", [small, middle, large], [cpu(700), memory(700)], "large"],
  ["nobody when all together are not enough", [small, middle], [cpu(500)], undefined],
];
for (const [what, others, lacking, go] of cases)
  test(`planPreemption() takes ${what}`, () => {
    const plan = planPreemption(critical, others, lacking);
    assert.equal(plan?.map(({ metadata }) => metadata.name).join(" "), go);
  });

test("planPreemption() spares critical pods of the same priority and takes those of a lower one", () => {
  const one = pod("one", { cpu: "1" }, {}, CRITICAL);
  assert.equal(planPreemption(critical, [one], [cpu(1)]), undefined);
  const nodeCritical = pod("node-critical", {}, {}, CRITICAL + 1000);
  assert.deepEqual(planPreemption(nodeCritical, [one], [cpu(1)]), [one]);
});

test("formatRequirements() is upstream's text", () => {
  assert.equal(formatRequirements([cpu(100), memory(5)]), "[(res: cpu, q: 100), (res: memory, q: 5), ]");
});
