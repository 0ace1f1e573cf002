/** Limits of a container or sandbox, in the kernel's units. @module */

export interface HugepageLimit {
  /** `64KB`, `2MB`, `1GB`. */
  readonly pageSize: string;
  /** Bytes. */
  readonly limit: number;
}

/** 0 or absent: unspecified. */
export interface LinuxContainerResources {
  /** Microseconds. */
  readonly cpuPeriod?: number;
  /** Microseconds of CPU per period. */
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly hugepageLimits?: readonly HugepageLimit[];
  /** cgroup v2 files by name. */
  readonly unified?: Readonly<Record<string, string>>;
  readonly memorySwapLimitInBytes?: number;
}
