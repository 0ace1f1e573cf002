import assert from "node:assert/strict";
import { test } from "node:test";
import { mandatoryPriorityLevels, suggestedPriorityLevels } from "./bootstrap-configuration.ts";
import { planBorrowing, planLimits, requestSeatsMax, type LevelDemand } from "./plan-limits.ts";

test("planLimits divides the seats of a server as upstream does", () => {
  const levels = [...suggestedPriorityLevels, ...mandatoryPriorityLevels];
  const limits = planLimits(
    600,
    levels.map(({ spec }) => spec!),
  );
  const byName = Object.fromEntries(levels.map(({ metadata }, i) => [metadata.name, limits[i]]));
  assert.deepEqual(byName, {
    system: { nominal: 74, min: 50, max: 674 },
    "node-high": { nominal: 98, min: 73, max: 698 },
    "leader-election": { nominal: 25, min: 25, max: 625 },
    "workload-high": { nominal: 98, min: 49, max: 698 },
    "workload-low": { nominal: 245, min: 24, max: 845 },
    "global-default": { nominal: 49, min: 24, max: 649 },
    "catch-all": { nominal: 13, min: 13, max: 613 },
    exempt: { nominal: 0, min: 0, max: 600 },
  });
  const seats = levels.map(({ spec }, i) => requestSeatsMax(spec!, limits[i]!.nominal));
  assert.deepEqual(seats, [12, 15, 4, 15, 37, 8, 0, 0]);
});

test("planLimits obeys a borrowing limit, and gives nothing where nobody has shares", () => {
  const limited = { nominalConcurrencyShares: 10, borrowingLimitPercent: 20, lendablePercent: 50 };
  assert.deepEqual(planLimits(100, [{ type: "Limited", limited }]), [{ nominal: 100, min: 50, max: 120 }]);
  const none = { type: "Exempt", exempt: { nominalConcurrencyShares: 0 } };
  assert.deepEqual(planLimits(100, [none]), [{ nominal: 0, min: 0, max: 100 }]);
});

const level = (more: Partial<LevelDemand>): LevelDemand => ({
  isExempt: false,
  limits: { nominal: 50, min: 10, max: 150 },
  currentLimit: 50,
  highWatermark: 0,
  smoothed: 0,
  ...more,
});

const CASES: readonly [string, readonly LevelDemand[], readonly number[]][] = [
  ["idle levels share evenly", [level({}), level({})], [50, 50]],
  [
    "a busy level borrows from an idle one",
    [level({ highWatermark: 90, smoothed: 90 }), level({})],
    [90, 10],
  ],
  [
    "what a level needs of its own is not lent",
    [level({ highWatermark: 90, smoothed: 90 }), level({ highWatermark: 45, smoothed: 40 })],
    [55, 45],
  ],
  [
    "exempt use leaves less than the least",
    [
      level({ isExempt: true, limits: { nominal: 0, min: 0, max: 100 }, highWatermark: 85 }),
      level({ highWatermark: 40 }),
      level({ highWatermark: 40 }),
    ],
    [85, 10, 10],
  ],
  [
    "exempt use is taken from all in proportion",
    [
      level({ isExempt: true, limits: { nominal: 0, min: 0, max: 100 }, highWatermark: 50 }),
      level({ highWatermark: 40 }),
      level({ highWatermark: 40 }),
    ],
    [50, 25, 25],
  ],
];
for (const [name, levels, expected] of CASES) {
  test(`planBorrowing: ${name}`, () => {
    assert.deepEqual(planBorrowing(levels).currentLimits, expected);
  });
}
