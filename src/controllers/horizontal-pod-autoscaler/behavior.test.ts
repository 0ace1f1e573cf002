import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscalerBehavior } from "#api/autoscaling/v2/types.gen";
import { START_MS } from "../testing/objects.ts";
import type { Memory } from "./behavior.ts";
import { normalize, remember } from "./behavior.ts";

/** Seconds ago, number. */
type Past = readonly (readonly [number, number])[];

function memory(recommendations: Past, changes: Past): Memory {
  const entries = (past: Past) => past.map(([ago, replicas]) => ({ replicas, atMs: START_MS - ago * 1000 }));
  return { recommendations: entries(recommendations), changes: entries(changes) };
}

const pods = (value: number, periodSeconds = 60) => ({ type: "Pods", value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: "Percent", value, periodSeconds });

const cases: readonly {
  readonly name: string;
  readonly current: number;
  readonly desired: number;
  readonly behavior?: HorizontalPodAutoscalerBehavior;
  readonly recommended?: Past;
  readonly changes?: Past;
  /** Number, reason of stabilization, reason of limitation. */
  readonly want: readonly [number, string | undefined, string];
}[] = [
  {
    name: "grows freely within the bounds",
    current: 3,
    desired: 5,
    want: [5, undefined, "DesiredWithinRange"],
  },
  { name: "grows to twice the number at most", current: 4, desired: 9, want: [8, undefined, "ScaleUpLimit"] },
  { name: "grows to four at once", current: 1, desired: 9, want: [4, undefined, "ScaleUpLimit"] },
  { name: "stops at the maximum", current: 8, desired: 12, want: [10, undefined, "TooManyReplicas"] },
  { name: "stops at the minimum", current: 3, desired: 0, want: [1, undefined, "TooFewReplicas"] },
  {
    name: "waits with shrinking",
    current: 5,
    desired: 2,
    recommended: [
      [200, 5],
      [100, 4],
    ],
    want: [5, "ScaleDownStabilized", "DesiredWithinRange"],
  },
  {
    name: "shrinks when the window has passed",
    current: 5,
    desired: 2,
    recommended: [[301, 5]],
    want: [2, undefined, "DesiredWithinRange"],
  },
  {
    name: "waits with growing where it is told to",
    current: 2,
    desired: 6,
    behavior: { scaleUp: { stabilizationWindowSeconds: 60, policies: [pods(10)] } },
    recommended: [[30, 3]],
    want: [3, "ScaleUpStabilized", "DesiredWithinRange"],
  },
  {
    name: "grows by the policy that lets it go farthest",
    current: 4,
    desired: 10,
    behavior: { scaleUp: { policies: [pods(1), percent(50)] } },
    want: [6, undefined, "ScaleUpLimit"],
  },
  {
    name: "counts what it has grown in the period",
    current: 5,
    desired: 10,
    behavior: { scaleUp: { policies: [pods(2)] } },
    changes: [
      [30, 1],
      [90, 3],
    ],
    want: [6, undefined, "ScaleUpLimit"],
  },
  {
    name: "shrinks by the policy that lets it go least far, if told so",
    current: 10,
    desired: 1,
    behavior: {
      scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Min", policies: [pods(2), percent(50)] },
    },
    want: [8, undefined, "ScaleDownLimit"],
  },
  {
    name: "never shrinks where that is disabled",
    current: 5,
    desired: 1,
    behavior: { scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Disabled" } },
    want: [5, undefined, "ScaleDownLimit"],
  },
];

for (const { name, current, desired, behavior, recommended = [], changes = [], want } of cases) {
  test(`normalize() ${name}`, () => {
    const bounds = { current, min: 1, max: 10 };
    const { replicas, stabilized, limited } = normalize(
      desired,
      bounds,
      behavior,
      memory(recommended, changes),
      START_MS,
    );
    assert.deepEqual([replicas, stabilized?.reason, limited.reason], want);
    assert.equal(limited.isLimited, limited.reason !== "DesiredWithinRange");
  });
}

test("remember() forgets what no rule asks for any more", () => {
  const behavior = { scaleUp: { policies: [pods(1, 60)] } };
  const before = memory(
    [
      [301, 9],
      [10, 3],
    ],
    [
      [61, 1],
      [10, 2],
    ],
  );
  const after = remember(before, behavior, { recommended: 4, change: 0 }, START_MS);
  assert.deepEqual(
    after.recommendations.map(({ replicas }) => replicas),
    [3, 4],
  );
  assert.deepEqual(
    after.changes.map(({ replicas }) => replicas),
    [2],
  );
});
