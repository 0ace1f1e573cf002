import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsV1, settingsV2, sharesToWeight } from "./settings.ts";

const resources = { cpuShares: 1024, cpuQuotaUs: 50_000, memoryLimitBytes: 7, pidsMax: 9 };
const print = (settings: ReturnType<typeof settingsV1>): readonly string[] =>
  settings.map(({ file, value }) => `${file}=${value}`);

test("settingsV1() names version 1 files", () => {
  assert.deepEqual(print(settingsV1(resources)), [
    "cpu.shares=1024",
    "cpu.cfs_period_us=100000",
    "cpu.cfs_quota_us=50000",
    "memory.limit_in_bytes=7",
    "pids.max=9",
  ]);
});

test("settingsV2() names version 2 files", () => {
  assert.deepEqual(print(settingsV2(resources)), [
    "cpu.weight=39",
    "cpu.max=50000 100000",
    "memory.max=7",
    "pids.max=9",
  ]);
});

test("sharesToWeight() maps the ends of one range to the other's", () => {
  assert.deepEqual([2, 262_144].map(sharesToWeight), [1, 10_000]);
});
