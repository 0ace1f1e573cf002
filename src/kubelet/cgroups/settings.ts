/** Resources as the files of a cgroup. Pure. @module */
import type { CgroupResources } from "../platform/platform.ts";

export interface Setting {
  readonly controller: "cpu" | "memory" | "pids" | "hugetlb";
  readonly file: string;
  readonly value: string;
}

const PERIOD_US = 100_000;

export function settingsV1(resources: CgroupResources): readonly Setting[] {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes, pidsMax, hugepageLimits = {} } = resources;
  const settings: Setting[] = [];
  if (cpuShares !== undefined) add(settings, "cpu", "cpu.shares", cpuShares);
  if (cpuQuotaUs !== undefined) {
    add(settings, "cpu", "cpu.cfs_period_us", cpuPeriodUs ?? PERIOD_US);
    add(settings, "cpu", "cpu.cfs_quota_us", cpuQuotaUs);
  }
  if (memoryLimitBytes !== undefined) add(settings, "memory", "memory.limit_in_bytes", memoryLimitBytes);
  if (pidsMax !== undefined) add(settings, "pids", "pids.max", pidsMax);
  for (const [size, bytes] of Object.entries(hugepageLimits))
    add(settings, "hugetlb", `hugetlb.${size}.limit_in_bytes`, bytes);
  return settings;
}

export function settingsV2(resources: CgroupResources): readonly Setting[] {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes, pidsMax, hugepageLimits = {} } = resources;
  const settings: Setting[] = [];
  if (cpuShares !== undefined) add(settings, "cpu", "cpu.weight", sharesToWeight(cpuShares));
  if (cpuQuotaUs !== undefined)
    add(settings, "cpu", "cpu.max", `${cpuQuotaUs < 0 ? "max" : cpuQuotaUs} ${cpuPeriodUs ?? PERIOD_US}`);
  if (memoryLimitBytes !== undefined) add(settings, "memory", "memory.max", memoryLimitBytes);
  if (pidsMax !== undefined) add(settings, "pids", "pids.max", pidsMax);
  for (const [size, bytes] of Object.entries(hugepageLimits))
    add(settings, "hugetlb", `hugetlb.${size}.max`, bytes);
  return settings;
}

/** The files that tell a pod's CPU and memory, by controller. */
export const READ_V1 = [
  ["cpu", "cpu.shares"],
  ["cpu", "cpu.cfs_quota_us"],
  ["cpu", "cpu.cfs_period_us"],
  ["memory", "memory.limit_in_bytes"],
] as const;
export const READ_V2 = ["cpu.weight", "cpu.max", "memory.max"] as const;

/** Above this, version 1 means no limit. */
const NO_LIMIT_BYTES = 2 ** 62;

/** `files` in the order of `READ_V1`. */
export function resourcesV1([
  shares = "",
  quota = "",
  period = "",
  memory = "",
]: readonly string[]): CgroupResources {
  return {
    ...(shares !== "" && { cpuShares: Number(shares) }),
    ...(Number(quota) > 0 && { cpuQuotaUs: Number(quota), cpuPeriodUs: Number(period) }),
    ...(memory !== "" && Number(memory) < NO_LIMIT_BYTES && { memoryLimitBytes: Number(memory) }),
  };
}

/** `files` in the order of `READ_V2`. */
export function resourcesV2([weight = "", max = "", memory = ""]: readonly string[]): CgroupResources {
  const [quota = "max", period = ""] = max.split(" ");
  return {
    ...(weight !== "" && { cpuShares: weightToShares(Number(weight)) }),
    ...(Number(quota) > 0 && { cpuQuotaUs: Number(quota), cpuPeriodUs: Number(period) }),
    ...(Number(memory) > 0 && { memoryLimitBytes: Number(memory) }),
  };
}

/** [1, 10000] -> [2, 262144]. */
function weightToShares(weight: number): number {
  return 2 + Math.floor(((weight - 1) * 262_142) / 9999);
}

/** [2, 262144] -> [1, 10000], linearly as upstream. */
export function sharesToWeight(shares: number): number {
  return 1 + Math.floor(((Math.max(shares, 2) - 2) * 9999) / 262_142);
}

function add(
  settings: Setting[],
  controller: Setting["controller"],
  file: string,
  value: number | string,
): void {
  settings.push({ controller, file, value: String(value) });
}
