import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_PRESSURE, planPressure, type Observations, type Pressure } from "./plan-pressure.ts";
import { parseThresholds, type EvictionConfig } from "./thresholds.ts";

const TRANSITION_MS = 60_000;

/** Looks at memory and disk again and again: `[ms, memory available, disk available]`. */
function story(
  config: EvictionConfig,
  looks: readonly (readonly [number, number, number])[],
): readonly string[] {
  const thresholds = parseThresholds(config);
  let state = NO_PRESSURE;
  return looks.map(([time, memory, disk]) => {
    const observations: Observations = {
      "memory.available": { available: memory, capacity: 1000, time },
      "nodefs.available": { available: disk, capacity: 1000, time },
    };
    const next: Pressure = planPressure(state, thresholds, observations, time, TRANSITION_MS);
    state = next.state;
    return `${next.conditions.join("+")} / ${next.starved.map(({ signal }) => signal).join("+")}`;
  });
}

test("planPressure() acts on a hard threshold at once, memory first, and tells it for a while", () => {
  const hard = { "nodefs.available": "10%", "memory.available": "100" };
  assert.deepEqual(
    story({ hard }, [
      [0, 500, 500],
      [10, 99, 99],
      [20, 100, 99],
      [30, 500, 500],
      [60_019, 500, 500],
      [60_020, 500, 500],
    ]),
    [
      " / ",
      "DiskPressure+MemoryPressure / memory.available+nodefs.available",
      "DiskPressure+MemoryPressure / nodefs.available",
      "DiskPressure+MemoryPressure / ",
      "DiskPressure / ",
      " / ",
    ],
  );
});

test("planPressure() waits for the grace period of a soft threshold, anew after each relief", () => {
  const config = {
    hard: {},
    soft: { "memory.available": "100" },
    softGracePeriodMs: { "memory.available": 1000 },
  };
  assert.deepEqual(
    story(config, [
      [0, 99, 500],
      [999, 99, 500],
      [1000, 99, 500],
      [1100, 101, 500],
      [1200, 99, 500],
    ]),
    [
      "MemoryPressure / ",
      "MemoryPressure / ",
      "MemoryPressure / memory.available",
      "MemoryPressure / ",
      "MemoryPressure / ",
    ],
  );
});

test("planPressure() goes on until the minimum is reclaimed", () => {
  const config = { hard: { "nodefs.available": "100" }, minimumReclaim: { "nodefs.available": "50" } };
  assert.deepEqual(
    story(config, [
      [0, 500, 149],
      [10, 500, 99],
      [20, 500, 149],
      [30, 500, 150],
    ]),
    [" / ", "DiskPressure / nodefs.available", "DiskPressure / nodefs.available", "DiskPressure / "],
  );
});

test("planPressure() does not act twice on one measurement", () => {
  const looks = [
    [10, 500, 99],
    [10, 500, 99],
  ] as const;
  assert.deepEqual(story({ hard: { "nodefs.available": "100" } }, looks), [
    "DiskPressure / nodefs.available",
    "DiskPressure / ",
  ]);
});
