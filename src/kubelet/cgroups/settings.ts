/** Resources as the files of a cgroup. Pure. @module */
import type { CgroupResources } from "../platform/platform.ts";

export interface Setting {
  readonly controller: "cpu" | "memory" | "pids";
  readonly file: string;
  readonly value: string;
}

const PERIOD_US = 100_000;

export function settingsV1(resources: CgroupResources): readonly Setting[] {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes, pidsMax } = resources;
  const settings: Setting[] = [];
  if (cpuShares !== undefined) add(settings, "cpu", "cpu.shares", cpuShares);
  if (cpuQuotaUs !== undefined) {
    add(settings, "cpu", "cpu.cfs_period_us", cpuPeriodUs ?? PERIOD_US);
    add(settings, "cpu", "cpu.cfs_quota_us", cpuQuotaUs);
  }
  if (memoryLimitBytes !== undefined) add(settings, "memory", "memory.limit_in_bytes", memoryLimitBytes);
  if (pidsMax !== undefined) add(settings, "pids", "pids.max", pidsMax);
  return settings;
}

export function settingsV2(resources: CgroupResources): readonly Setting[] {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes, pidsMax } = resources;
  const settings: Setting[] = [];
  if (cpuShares !== undefined) add(settings, "cpu", "cpu.weight", sharesToWeight(cpuShares));
  if (cpuQuotaUs !== undefined) add(settings, "cpu", "cpu.max", `${cpuQuotaUs} ${cpuPeriodUs ?? PERIOD_US}`);
  if (memoryLimitBytes !== undefined) add(settings, "memory", "memory.max", memoryLimitBytes);
  if (pidsMax !== undefined) add(settings, "pids", "pids.max", pidsMax);
  return settings;
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
