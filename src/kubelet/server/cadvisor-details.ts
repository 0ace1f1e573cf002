/** What cAdvisor reads from cgroups beside what runtimes measure: throttling, cache, input and output. Pure. @module */
import { familyText, type MetricLabels } from "#component-base";
import type { CgroupDetails, DeviceIO } from "../platform/platform.ts";

interface Detailed {
  readonly labels: MetricLabels;
  readonly details: CgroupDetails;
}

const NANOSECONDS = 1e9;

const FAMILIES: readonly (readonly [
  string,
  "counter" | "gauge",
  string,
  (details: CgroupDetails) => number | undefined,
])[] = [
  [
    "container_cpu_cfs_periods_total",
    "counter",
    "Number of elapsed enforcement period intervals.",
    ({ periods }) => periods,
  ],
  [
    "container_cpu_cfs_throttled_periods_total",
    "counter",
    "Number of throttled period intervals.",
    ({ throttledPeriods }) => throttledPeriods,
  ],
  [
    "container_cpu_cfs_throttled_seconds_total",
    "counter",
    "Total time duration the container has been throttled.",
    ({ throttledNanoSeconds: spent }) => (spent === undefined ? undefined : spent / NANOSECONDS),
  ],
  [
    "container_memory_cache",
    "gauge",
    "Number of bytes of page cache memory.",
    ({ cacheBytes }) => cacheBytes,
  ],
];

const IO_FAMILIES: readonly (readonly [string, string, Exclude<keyof DeviceIO, "device">])[] = [
  ["container_fs_reads_total", "Cumulative count of reads completed", "reads"],
  ["container_fs_writes_total", "Cumulative count of writes completed", "writes"],
  ["container_fs_reads_bytes_total", "Cumulative count of bytes read", "readBytes"],
  ["container_fs_writes_bytes_total", "Cumulative count of bytes written", "writtenBytes"],
];

export function detailFamilies(all: readonly Detailed[]): readonly string[] {
  const own = FAMILIES.map(([name, type, help, valueOf]) => {
    const samples = all.map(({ labels, details }) => ({ labels, value: valueOf(details) }));
    return familyText(name, type, help, samples);
  });
  const io = IO_FAMILIES.map(([name, help, field]) => {
    const samples = all.flatMap(({ labels, details }) =>
      details.io.map((one) => ({ labels: { ...labels, device: one.device }, value: one[field] })),
    );
    return familyText(name, "counter", help, samples);
  });
  return [...own, ...io];
}
