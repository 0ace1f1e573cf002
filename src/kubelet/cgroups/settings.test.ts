import assert from "node:assert/strict";
import { test } from "node:test";
import { resourcesV1, resourcesV2, settingsV1, settingsV2, sharesToWeight } from "./settings.ts";

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

test("resourcesV1() and resourcesV2() read what settings wrote; no limit is absent", () => {
  assert.deepEqual(resourcesV1(["204", "50000", "100000", "67108864"]), {
    cpuShares: 204,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 2 ** 26,
  });
  assert.deepEqual(resourcesV1(["2", "-1", "100000", "9223372036854771712"]), { cpuShares: 2 });
  assert.deepEqual(resourcesV2(["1", "50000 100000", "67108864"]), {
    cpuShares: 2,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 2 ** 26,
  });
  assert.deepEqual(resourcesV2(["100", "max 100000", "max"]), { cpuShares: 2597 });
});

test("settingsV1() and settingsV2() bound huge pages", () => {
  const limits = { hugepageLimits: { "2MB": 4_194_304 } };
  const value = "4194304";
  assert.deepEqual(settingsV1(limits), [
    { controller: "hugetlb", file: "hugetlb.2MB.limit_in_bytes", value },
  ]);
  assert.deepEqual(settingsV2(limits), [{ controller: "hugetlb", file: "hugetlb.2MB.max", value }]);
});
