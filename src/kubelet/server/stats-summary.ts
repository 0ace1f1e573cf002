/** GET /stats/summary: what the node and its pods use, in the form that metrics-server reads. @module */
import { formatTime } from "#apimachinery";
import {
  type ContainerStats,
  type CpuUsage,
  isRuntimeUnimplemented,
  type MemoryUsage,
  type Nanoseconds,
  nanosToMs,
  type NetworkUsage,
  type PodSandboxStats,
  type PodSandboxStatsFilter,
  type SwapUsage,
} from "#cri";
import type { Pod } from "#api/core/v1/types.gen";
import {
  CONTAINER_NAME_LABEL,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_UID_LABEL,
} from "../container/labels.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import type { NodeUsage, PodsMemory } from "../platform/platform.ts";
import type { FsStats, PodFs, RuntimeFsStats } from "../stats/fs-stats.ts";
import type { VolumeSummary } from "../volumes/volume-stats.ts";
import type { ServerHost } from "./server-host.ts";
import { nodeFs, withFs } from "./summary-fs.ts";

/** What was not measured is absent. */
export interface UsageStats {
  readonly cpu?: Timed<{ readonly usageNanoCores?: number; readonly usageCoreNanoSeconds?: number }>;
  readonly memory?: Timed<Omit<MemoryUsage, "timestamp" | "psi" | "pageFaults" | "majorPageFaults">>;
  readonly swap?: Timed<Omit<SwapUsage, "timestamp">>;
}

type Timed<T> = T & { readonly time: string };

/** Of a file system, or of what something has on one. */
export interface FsUsageStats {
  readonly time?: string;
  readonly availableBytes?: number;
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  readonly inodesUsed?: number;
}

export interface ContainerSummary extends UsageStats {
  readonly name: string;
  readonly startTime?: string;
  readonly rootfs?: FsUsageStats;
  readonly logs?: FsUsageStats;
}

export interface PodSummary extends UsageStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime?: string;
  readonly containers: readonly ContainerSummary[];
  readonly network?: unknown;
  readonly volume?: readonly VolumeSummary[];
  readonly "ephemeral-storage"?: FsUsageStats;
  readonly process_stats?: { readonly process_count: number };
}

export interface StatsSummary {
  readonly node: UsageStats & Readonly<Record<string, unknown>>;
  readonly pods: readonly PodSummary[];
}

/** What a summary is made from. */
export type StatsHost = Pick<ServerHost, "nodeName" | "clock" | "runtime" | "platform" | "runtimePod"> & {
  readonly fs: FsStats;
  activePods(): readonly Pod[];
};

/** CPU and memory alone: nothing is read from the disk. */
export function statsSummary(
  host: Pick<StatsHost, "nodeName" | "clock" | "runtime" | "platform" | "runtimePod">,
  signal: AbortSignal,
): Promise<StatsSummary> {
  return summary(host, undefined, signal);
}

/** With file systems, logs and volumes. */
export async function fullSummary(host: StatsHost, signal: AbortSignal): Promise<StatsSummary> {
  const [runtimeFs, pods, podsMemory] = await Promise.all([
    host.fs.ofRuntime(signal),
    host.fs.ofPods(host.activePods(), signal),
    host.platform.cgroups.podsMemory(),
  ]);
  return summary(host, { runtimeFs, pods, podsMemory }, signal);
}

async function summary(
  host: Pick<StatsHost, "nodeName" | "clock" | "runtime" | "platform" | "runtimePod">,
  fs: SummaryInput["fs"],
  signal: AbortSignal,
): Promise<StatsSummary> {
  const [usage, containers, sandboxes] = await Promise.all([
    host.platform.usage(),
    host.runtime.listContainerStats({}, signal),
    sandboxStats(host, signal),
  ]);
  return summarize({
    fs,
    nodeName: host.nodeName,
    nowMs: host.clock.now(),
    usage,
    containers,
    sandboxes,
    runtimePod: (uid) => host.runtimePod(uid),
  });
}

/** A runtime that cannot measure whole pods leaves it to the sums of their containers. */
export async function sandboxStats(
  host: Pick<StatsHost, "runtime">,
  signal: AbortSignal,
  filter: PodSandboxStatsFilter = {},
): Promise<readonly PodSandboxStats[]> {
  try {
    return await host.runtime.listPodSandboxStats(filter, signal);
  } catch (err) {
    if (isRuntimeUnimplemented(err)) return [];
    throw err;
  }
}

export interface SummaryInput {
  readonly nodeName: string;
  readonly nowMs: number;
  readonly usage: NodeUsage;
  readonly containers: readonly ContainerStats[];
  readonly sandboxes: readonly PodSandboxStats[];
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
  /** Absent: the disk is left out. */
  readonly fs?:
    | {
        readonly runtimeFs: RuntimeFsStats | undefined;
        readonly pods: ReadonlyMap<string, PodFs>;
        readonly podsMemory: PodsMemory | undefined;
      }
    | undefined;
}

/** Pure. */
export function summarize({
  nodeName,
  nowMs,
  usage,
  containers,
  sandboxes,
  runtimePod,
  fs,
}: SummaryInput): StatsSummary {
  const time = preciseTime(nowMs);
  const runtimeFs = fs?.runtimeFs;
  const byPod = Map.groupBy(containers, ({ attributes }) => attributes.labels[POD_UID_LABEL] ?? "");
  const pods = [...byPod].flatMap(([uid, list]) => {
    if (uid === "") return [];
    const runtime = runtimePod(uid);
    const id = runtime?.sandboxes[0]?.id;
    const own = sandboxes.filter(({ attributes }) => attributes.labels[POD_UID_LABEL] === uid);
    const sandbox = own.find(({ attributes }) => attributes.id === id) ?? own[0];
    return [withFs(podSummary(uid, list, sandbox, runtime, time), fs?.pods.get(uid), runtimeFs, time)];
  });
  const node = nodeSummary(nodeName, usage, time);
  return { node: fs === undefined ? node : { ...node, ...nodeFs(fs, time) }, pods };
}

function nodeSummary(nodeName: string, usage: NodeUsage, time: string): StatsSummary["node"] {
  const { fsAvailableBytes, fsCapacityBytes, fsInodes, fsInodesFree } = usage;
  return {
    nodeName,
    ...(usage.bootTimeMs !== undefined && { startTime: formatTime(usage.bootTimeMs) }),
    cpu: { time, usageCoreNanoSeconds: usage.cpuNanoSeconds },
    memory: {
      time,
      availableBytes: usage.memoryAvailableBytes,
      workingSetBytes: usage.memoryWorkingSetBytes,
    },
    fs: {
      time,
      availableBytes: fsAvailableBytes,
      capacityBytes: fsCapacityBytes,
      usedBytes: fsCapacityBytes - fsAvailableBytes,
      inodes: fsInodes,
      inodesFree: fsInodesFree,
      inodesUsed: fsInodes - fsInodesFree,
    },
    rlimit: { time, maxpid: usage.processesMax, curproc: usage.processes },
  };
}

function podSummary(
  uid: string,
  list: readonly ContainerStats[],
  sandbox: PodSandboxStats | undefined,
  runtime: RuntimePod | undefined,
  time: string,
): PodSummary {
  const { labels } = list[0]!.attributes;
  const { cpu, memory, network, process } = sandbox?.linux ?? {};
  const createdAtMs = runtime?.sandboxes[0]?.createdAtMs;
  const layers = list.flatMap(({ writableLayer }) => writableLayer ?? []);
  return {
    podRef: { name: labels[POD_NAME_LABEL] ?? "", namespace: labels[POD_NAMESPACE_LABEL] ?? "", uid },
    ...(createdAtMs !== undefined && { startTime: formatTime(createdAtMs) }),
    containers: list.map((stats) => containerSummary(stats, runtime, time)),
    ...usageOf({ cpu: cpu ?? sumOfCpu(list), memory: memory ?? sumOfMemory(list) }, time),
    ...(network !== undefined && { network: networkSummary(network, time) }),
    ...(layers.length > 0 && {
      "ephemeral-storage": {
        time,
        usedBytes: sum(layers.map(({ usedBytes }) => usedBytes)) ?? 0,
        inodesUsed: sum(layers.map(({ inodesUsed }) => inodesUsed)) ?? 0,
      },
    }),
    ...(process?.processCount !== undefined && { process_stats: { process_count: process.processCount } }),
  };
}

function containerSummary(
  { attributes, cpu, memory, swap, writableLayer }: ContainerStats,
  runtime: RuntimePod | undefined,
  time: string,
): ContainerSummary {
  const startedAtMs = runtime?.containers.find(({ id }) => id === attributes.id)?.startedAtMs ?? 0;
  return {
    name: attributes.labels[CONTAINER_NAME_LABEL] ?? attributes.metadata.name,
    ...(startedAtMs > 0 && { startTime: formatTime(startedAtMs) }),
    ...usageOf({ cpu, memory, swap }, time),
    ...(writableLayer !== undefined && {
      rootfs: { time, ...fieldsOf(writableLayer, "usedBytes", "inodesUsed") },
    }),
  };
}

interface Usages {
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly swap?: SwapUsage | undefined;
}

function usageOf({ cpu, memory, swap }: Usages, time: string): UsageStats {
  return {
    ...(cpu !== undefined && {
      cpu: { time: timeOf(cpu.timestamp, time), ...fieldsOf(cpu, "usageNanoCores", "usageCoreNanoSeconds") },
    }),
    ...(memory !== undefined && {
      memory: {
        time: timeOf(memory.timestamp, time),
        ...fieldsOf(memory, "availableBytes", "usageBytes", "workingSetBytes", "rssBytes"),
      },
    }),
    ...(swap !== undefined && {
      swap: { time: timeOf(swap.timestamp, time), ...fieldsOf(swap, "swapAvailableBytes", "swapUsageBytes") },
    }),
  };
}

/** Rates are made of two such times: whole seconds would spoil them. */
function preciseTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** When it was measured; runtimes that do not say have measured just now. */
function timeOf(timestamp: Nanoseconds, now: string): string {
  return timestamp > 0n ? preciseTime(nanosToMs(timestamp)) : now;
}

/** These fields of it, and of those the ones that are there. */
function fieldsOf<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  const known = keys.filter((key) => from[key] !== undefined);
  return Object.fromEntries(known.map((key) => [key, from[key]])) as Pick<T, K>;
}

function networkSummary({ defaultInterface, interfaces }: NetworkUsage, time: string): unknown {
  return { time, ...defaultInterface, interfaces: interfaces.length > 0 ? interfaces : [defaultInterface] };
}

function sumOfCpu(list: readonly ContainerStats[]): CpuUsage | undefined {
  const all = list.flatMap(({ cpu }) => cpu ?? []);
  const [first] = all;
  if (first === undefined) return undefined;
  const usageNanoCores = sum(all.map((cpu) => cpu.usageNanoCores));
  const usageCoreNanoSeconds = sum(all.map((cpu) => cpu.usageCoreNanoSeconds));
  return {
    timestamp: first.timestamp,
    ...(usageNanoCores !== undefined && { usageNanoCores }),
    ...(usageCoreNanoSeconds !== undefined && { usageCoreNanoSeconds }),
  };
}

function sumOfMemory(list: readonly ContainerStats[]): MemoryUsage | undefined {
  const all = list.flatMap(({ memory }) => memory ?? []);
  const [first] = all;
  if (first === undefined) return undefined;
  const of = (key: "usageBytes" | "workingSetBytes" | "rssBytes"): object => {
    const total = sum(all.map((memory) => memory[key]));
    return total === undefined ? {} : { [key]: total };
  };
  return { timestamp: first.timestamp, ...of("usageBytes"), ...of("workingSetBytes"), ...of("rssBytes") };
}

/** Undefined when none is known. */
function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
