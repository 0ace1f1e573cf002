import assert from "node:assert/strict";
import { test } from "node:test";
import { amountOfThreshold, parseThresholds, withContainerFs, type EvictionConfig } from "./thresholds.ts";

test("parseThresholds() has upstream's defaults, and guards the pods' memory as the machine's", () => {
  assert.deepEqual(
    parseThresholds({}).map(({ signal, value }) => [signal, value]),
    [
      ["memory.available", { amount: 100 * 2 ** 20 }],
      ["nodefs.available", { part: 0.1 }],
      ["nodefs.inodesFree", { part: 0.05 }],
      ["imagefs.available", { part: 0.15 }],
      ["imagefs.inodesFree", { part: 0.05 }],
      ["allocatableMemory.available", { amount: 100 * 2 ** 20 }],
    ],
  );
});

test("parseThresholds() reads soft thresholds and minimum reclaims", () => {
  const config: EvictionConfig = {
    hard: { "nodefs.available": "0%", "pid.available": "10%" },
    soft: { "memory.available": "1Gi" },
    softGracePeriodMs: { "memory.available": 90_000 },
    minimumReclaim: { "memory.available": "5%", "pid.available": "10" },
  };
  assert.deepEqual(parseThresholds(config), [
    { signal: "pid.available", value: { part: 0.1 }, gracePeriodMs: 0, minReclaim: { amount: 10 } },
    {
      signal: "memory.available",
      value: { amount: 2 ** 30 },
      gracePeriodMs: 90_000,
      minReclaim: { part: 0.05 },
    },
  ]);
});

const REFUSED: readonly (readonly [EvictionConfig, RegExp])[] = [
  [{ hard: { disk: "1%" } }, /unsupported eviction signal disk/],
  [{ hard: { "memory.available": "-1%" } }, /must be >= 0%/],
  [{ hard: { "memory.available": "101%" } }, /must be <= 100%/],
  [{ hard: { "memory.available": "0" } }, /must be positive/],
  [{ hard: { "memory.available": "much" } }, /no quantity/],
  [{ soft: { "memory.available": "1Gi" } }, /grace period must be specified for the soft/],
  [{ minimumReclaim: { "memory.available": "0%" } }, /minimum reclaim memory.available must be positive/],
  [{ minimumReclaim: { "memory.available": "-1" } }, /negative eviction minimum reclaim/],
];

for (const [config, why] of REFUSED) {
  test(`parseThresholds() refuses ${JSON.stringify(config)}`, () => {
    assert.throws(() => parseThresholds(config), why);
  });
}

test("amountOfThreshold() takes parts of the whole", () => {
  assert.equal(amountOfThreshold({ part: 0.15 }, 999), 149);
  assert.equal(amountOfThreshold({ amount: 5 }, 999), 5);
});

const LAYOUTS = [
  [false, false, "nodefs"],
  [true, true, "nodefs"],
  [true, false, "imagefs"],
] as const;

for (const [dedicatedImageFs, splitContainerFs, like] of LAYOUTS) {
  test(`withContainerFs() guards layers as ${like} (${dedicatedImageFs}, ${splitContainerFs})`, () => {
    const all = withContainerFs(parseThresholds({}), { dedicatedImageFs, splitContainerFs });
    const valueOf = (signal: string): unknown => all.find((one) => one.signal === signal)?.value;
    assert.deepEqual(valueOf("containerfs.available"), valueOf(`${like}.available`));
    assert.deepEqual(valueOf("containerfs.inodesFree"), valueOf(`${like}.inodesFree`));
  });
}
