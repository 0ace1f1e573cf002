import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/policy/v1/types.gen";
import { podInfo } from "../cache/pod-info.ts";
import { findNow, testCluster, testFramework, testPod, type PodShape } from "../fixture.ts";
import { NodeFinder } from "../find-node.ts";
import { NominatedPods } from "./nominated-pods.ts";
import { findCandidates, selectCandidate, type Candidate } from "./plan.ts";

const foo = { app: "foo" };
const framework = testFramework();

interface BudgetShape {
  readonly selector?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly disrupted?: readonly string[];
}

function budget(
  allowed: number,
  { selector = foo, namespace = "default", disrupted = [] }: BudgetShape = {},
) {
  const status = {
    disruptionsAllowed: allowed,
    disruptedPods: Object.fromEntries(disrupted.map((name) => [name, "2026-01-01T00:00:00Z"])),
  } as unknown as PodDisruptionBudgetStatus;
  const metadata = { name: "budget", namespace };
  return { metadata, spec: { selector: { matchLabels: selector } }, status } as PodDisruptionBudget;
}

interface Running extends PodShape {
  readonly priority?: number;
}

const shapeOf = ({ priority = 5, ...shape }: Running): PodShape => ({ ...shape, spec: { priority } });

/** What a pod of priority 10 that needs `cpu` finds on nodes of 3 CPUs. */
function search(
  cpu: string,
  running: Readonly<Record<string, Running>>,
  budgets: readonly PodDisruptionBudget[],
  wanted = 100,
): readonly Candidate[] {
  const names = new Set(Object.keys(running).map((place) => place.split("@")[1]!));
  const cluster = testCluster(
    Object.fromEntries([...names].map((name) => [name, { cpu: "3" }])),
    Object.fromEntries(Object.entries(running).map(([place, shape]) => [place, shapeOf(shape)])),
  );
  const pod = podInfo(testPod("new", { cpu, spec: { priority: 10 } }));
  const finder = new NodeFinder(framework, new NominatedPods(), () => 0);
  const found = findNow(finder, pod, cluster);
  assert.ok(found.kind === "unschedulable");
  const numbers = { minCandidateNodesAbsolute: wanted, minCandidateNodesPercentage: 0 };
  const slices = { isOver: () => false, next: () => Promise.resolve(), isGone: () => false };
  const result = findCandidates(finder, pod, found.cycle!, found.refused, budgets, () => 0, numbers, slices);
  assert.ok(!(result instanceof Promise));
  return result.candidates;
}

function described({ node, victims, violations }: Candidate): string {
  const names = victims.map(({ pod }) => pod.metadata.name).join(" ");
  return `${node.name}: ${names} (${violations})`;
}

const one = (labels: Readonly<Record<string, string>> = foo, priority = 5): Running => ({
  cpu: "1",
  labels,
  priority,
});
const big = (labels: Readonly<Record<string, string>>, priority = 5): Running => ({
  cpu: "3",
  labels,
  priority,
});

interface Case {
  readonly name: string;
  readonly cpu: string;
  readonly running: Readonly<Record<string, Running>>;
  readonly budgets: readonly PodDisruptionBudget[];
  /** "node: victims (violations)" */
  readonly want: string;
}

/** Upstream's cases, and what they leave out. */
const cases: readonly Case[] = [
  {
    name: "counts the victims that one budget does not allow",
    cpu: "3",
    running: { "p1@a": one(foo, 3), "p2@a": one(foo, 2), "p3@a": one(foo, 1) },
    budgets: [budget(1)],
    want: "a: p1 p2 p3 (2)",
  },
  {
    name: "counts a pod that is evicted already for none",
    cpu: "3",
    running: { "p1@a": one(foo, 3), "p2@a": one(foo, 2) },
    budgets: [budget(1, { disrupted: ["p2"] })],
    want: "a: p1 p2 (0)",
  },
  {
    name: "takes nothing from the budget for a pod that is evicted already",
    cpu: "3",
    running: { "p1@a": one(foo, 3), "p2@a": one(foo, 2), "p3@a": one(foo, 1) },
    budgets: [budget(1, { disrupted: ["p3"] })],
    want: "a: p1 p2 p3 (1)",
  },
  {
    name: "gives back first whom a budget protects, though others are more important",
    cpu: "2",
    running: { "protected@a": one(foo, 1), "p2@a": one({}, 5), "p3@a": one({}, 5) },
    budgets: [budget(0)],
    want: "a: p2 p3 (0)",
  },
  {
    name: "gives back the most important of those that a budget protects",
    cpu: "2",
    running: { "low@a": one(foo, 1), "high@a": one(foo, 5), "free@a": one({}, 3) },
    budgets: [budget(0)],
    want: "a: free low (1)",
  },
  {
    name: "counts a pod once, whatever budgets it violates",
    cpu: "3",
    running: { "p1@a": big({ ...foo, tier: "db" }) },
    budgets: [budget(0), budget(0, { selector: { tier: "db" } })],
    want: "a: p1 (1)",
  },
  {
    name: "asks every budget of a pod",
    cpu: "3",
    running: { "p1@a": big({ ...foo, tier: "db" }) },
    budgets: [budget(9), budget(0, { selector: { tier: "db" } })],
    want: "a: p1 (1)",
  },
  {
    name: "passes over budgets of other namespaces and with empty selectors",
    cpu: "3",
    running: { "p1@a": big(foo) },
    budgets: [budget(0, { namespace: "other" }), budget(0, { selector: {} })],
    want: "a: p1 (0)",
  },
  {
    name: "takes the node with the fewest violations, though its victims are more important",
    cpu: "3",
    running: { "p1@a": big(foo, 1), "p2@b": big({}, 9) },
    budgets: [budget(0)],
    want: "b: p2 (0)",
  },
  {
    name: "takes the node with fewer violations where all have some",
    cpu: "3",
    running: { "p1@a": one(foo, 1), "p2@a": one(foo, 1), "p3@a": one(foo, 1), "p4@b": big(foo, 9) },
    budgets: [budget(0)],
    want: "b: p4 (1)",
  },
  {
    name: "takes the less important victims where violations are equal",
    cpu: "3",
    running: { "p1@a": big(foo, 4), "p2@b": big(foo, 3) },
    budgets: [budget(0)],
    want: "b: p2 (1)",
  },
];

for (const { name, cpu, running, budgets, want } of cases)
  test(`selectCandidate() ${name}`, () =>
    assert.equal(described(selectCandidate(search(cpu, running, budgets))), want));

test("findCandidates() leaves a pod without labels unprotected, whatever the selector", () => {
  const spec = { selector: { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] } };
  const none = { ...budget(0), spec };
  assert.deepEqual(search("3", { "p1@a": big({}) }, [none]).map(described), ["a: p1 (0)"]);
  assert.deepEqual(search("3", { "p1@a": big({ x: "" }) }, [none]).map(described), ["a: p1 (1)"]);
});

test("findCandidates() looks on, past the number wanted, until one violates no budget", () => {
  const running = {
    "p1@a": big(foo),
    "p2@b": big(foo),
    "p3@c": big(foo),
    "p4@d": big({}),
    "p5@e": big({}),
  };
  assert.deepEqual(search("3", running, [budget(0)], 2).map(described), [
    "a: p1 (1)",
    "b: p2 (1)",
    "c: p3 (1)",
    "d: p4 (0)",
  ]);
});
