/** GET /metrics/cadvisor: what containers, pods and the machine use, by cAdvisor's names. @module */
import type { ContainerStats, NetworkInterfaceUsage, PodSandboxStats } from "#cri";
import {
  CONTAINER_NAME_LABEL,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_UID_LABEL,
} from "../container/labels.ts";
import { detailFamilies } from "./cadvisor-details.ts";
import type { RuntimeContainer, RuntimePod } from "../container/runtime-pod.ts";
import type { CgroupDetails, MachineInfo } from "../platform/platform.ts";
import { familyText, type MetricLabels, type MetricSample } from "#component-base";

export interface CadvisorInput {
  readonly machine: MachineInfo;
  readonly containers: readonly ContainerStats[];
  readonly sandboxes: readonly PodSandboxStats[];
  /** By container. */
  readonly details: ReadonlyMap<string, CgroupDetails>;
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
}

const NANOSECONDS = 1e9;

/** Pure. What was not measured is not shown. */
export function cadvisorMetricsText(input: CadvisorInput): string {
  return [machineFamilies(input.machine), ...containerFamilies(input), ...networkFamilies(input)].join("");
}

function machineFamilies({ cpus, memoryBytes, machineID, systemUUID, bootID }: MachineInfo): string {
  const labels = { boot_id: bootID, machine_id: machineID, system_uuid: systemUUID };
  return [
    familyText("machine_cpu_cores", "gauge", "Number of logical CPU cores.", [{ labels, value: cpus }]),
    familyText("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.", [
      { labels, value: memoryBytes },
    ]),
  ].join("");
}

interface Measured {
  readonly labels: MetricLabels;
  readonly stats: Pick<ContainerStats, "cpu" | "memory" | "swap" | "writableLayer">;
  readonly container?: RuntimeContainer | undefined;
}

type ValueOf = (measured: Measured) => number | undefined;

const FAMILIES: readonly (readonly [string, "counter" | "gauge", string, ValueOf])[] = [
  [
    "container_cpu_usage_seconds_total",
    "counter",
    "Cumulative cpu time consumed in seconds.",
    ({ stats }) => scaled(stats.cpu?.usageCoreNanoSeconds),
  ],
  [
    "container_fs_usage_bytes",
    "gauge",
    "Number of bytes that are consumed by the container on this filesystem.",
    ({ stats }) => stats.writableLayer?.usedBytes,
  ],
  [
    "container_fs_inodes_total",
    "gauge",
    "Number of inodes that are consumed by the container on this filesystem.",
    ({ stats }) => stats.writableLayer?.inodesUsed,
  ],
  [
    "container_memory_failures_total",
    "counter",
    "Cumulative count of memory allocation failures.",
    ({ stats }) => stats.memory?.majorPageFaults,
  ],
  ["container_memory_rss", "gauge", "Size of RSS in bytes.", ({ stats }) => stats.memory?.rssBytes],
  [
    "container_memory_swap",
    "gauge",
    "Container swap usage in bytes.",
    ({ stats }) => stats.swap?.swapUsageBytes,
  ],
  [
    "container_memory_usage_bytes",
    "gauge",
    "Current memory usage in bytes, including all memory regardless of when it was accessed",
    ({ stats }) => stats.memory?.usageBytes,
  ],
  [
    "container_memory_working_set_bytes",
    "gauge",
    "Current working set in bytes.",
    ({ stats }) => stats.memory?.workingSetBytes,
  ],
  [
    "container_spec_cpu_period",
    "gauge",
    "CPU period of the container.",
    ({ container }) => positive(container?.resources?.cpuPeriod),
  ],
  [
    "container_spec_cpu_quota",
    "gauge",
    "CPU quota of the container.",
    ({ container }) => positive(container?.resources?.cpuQuota),
  ],
  [
    "container_spec_cpu_shares",
    "gauge",
    "CPU share of the container.",
    ({ container }) => positive(container?.resources?.cpuShares),
  ],
  [
    "container_spec_memory_limit_bytes",
    "gauge",
    "Memory limit for the container.",
    ({ container }) => container?.resources?.memoryLimitInBytes,
  ],
  [
    "container_start_time_seconds",
    "gauge",
    "Start time of the container since unix epoch in seconds.",
    ({ container }) => (container === undefined ? undefined : positive(container.startedAtMs / 1000)),
  ],
];

function containerFamilies({ containers, sandboxes, details, runtimePod }: CadvisorInput): readonly string[] {
  const all: readonly Measured[] = [
    ...sandboxes.map((one) => ({ labels: podLabels(one.attributes.labels), stats: one.linux ?? {} })),
    ...containers.map((stats) => {
      const { labels, id } = stats.attributes;
      const container = runtimePod(labels[POD_UID_LABEL] ?? "")?.containers.find((one) => one.id === id);
      const own = {
        ...podLabels(labels),
        container: labels[CONTAINER_NAME_LABEL] ?? "",
        id,
        image: container?.image ?? "",
        name: id,
      };
      return { labels: own, stats, container };
    }),
  ];
  const measured = FAMILIES.map(([name, type, help, valueOf]) =>
    familyText(
      name,
      type,
      help,
      all.map((one): MetricSample => ({ labels: one.labels, value: valueOf(one) })),
    ),
  );
  const detailed = all.flatMap(({ labels, container }) => {
    const own = container === undefined ? undefined : details.get(container.id);
    return own === undefined ? [] : { labels, details: own };
  });
  return [...measured, ...detailFamilies(detailed)];
}

const NETWORK = [
  ["container_network_receive_bytes_total", "Cumulative count of bytes received", "rxBytes"],
  [
    "container_network_receive_errors_total",
    "Cumulative count of errors encountered while receiving",
    "rxErrors",
  ],
  ["container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", "txBytes"],
  [
    "container_network_transmit_errors_total",
    "Cumulative count of errors encountered while transmitting",
    "txErrors",
  ],
] as const;

function networkFamilies({ sandboxes }: CadvisorInput): readonly string[] {
  const all = sandboxes.flatMap(({ attributes, linux }) => {
    const { defaultInterface, interfaces = [] } = linux?.network ?? {};
    const list: readonly NetworkInterfaceUsage[] =
      interfaces.length > 0 ? interfaces : defaultInterface === undefined ? [] : [defaultInterface];
    return list.map((usage) => ({
      labels: { ...podLabels(attributes.labels), interface: usage.name },
      usage,
    }));
  });
  return NETWORK.map(([name, help, field]) =>
    familyText(
      name,
      "counter",
      help,
      all.map(({ labels, usage }) => ({ labels, value: usage[field] })),
    ),
  );
}

function podLabels(labels: MetricLabels): MetricLabels {
  return {
    container: "",
    id: "",
    image: "",
    name: "",
    namespace: labels[POD_NAMESPACE_LABEL] ?? "",
    pod: labels[POD_NAME_LABEL] ?? "",
  };
}

function scaled(nanoseconds: number | undefined): number | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / NANOSECONDS;
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
