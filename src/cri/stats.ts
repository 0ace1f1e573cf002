/** What containers and sandboxes use. Numbers beyond 2^53 are rounded to the nearest double. @module */
import type { ContainerMetadata } from "./container.ts";
import type { FilesystemUsage } from "./image.ts";
import type { Nanoseconds, PodSandboxMetadata, StringMap } from "./sandbox.ts";

export interface PsiData {
  /** Nanoseconds. */
  readonly total: number;
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

export interface PsiStats {
  readonly full?: PsiData;
  readonly some?: PsiData;
}

export interface CpuUsage {
  readonly timestamp: Nanoseconds;
  /** Since the container's start, all cores together. */
  readonly usageCoreNanoSeconds?: number;
  /** Over the runtime's last sampling window. */
  readonly usageNanoCores?: number;
  readonly psi?: PsiStats;
}

export interface MemoryUsage {
  readonly timestamp: Nanoseconds;
  readonly workingSetBytes?: number;
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
  readonly psi?: PsiStats;
}

export interface SwapUsage {
  readonly timestamp: Nanoseconds;
  readonly swapAvailableBytes?: number;
  readonly swapUsageBytes?: number;
}

export interface IoUsage {
  readonly timestamp: Nanoseconds;
  readonly psi?: PsiStats;
}

export interface ContainerAttributes {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

export interface ContainerStats {
  readonly attributes: ContainerAttributes;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly writableLayer?: FilesystemUsage;
  readonly swap?: SwapUsage;
  readonly io?: IoUsage;
}

export interface ContainerStatsFilter {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly labelSelector?: StringMap;
}

export interface NetworkInterfaceUsage {
  readonly name: string;
  readonly rxBytes?: number;
  readonly rxErrors?: number;
  readonly txBytes?: number;
  readonly txErrors?: number;
}

export interface NetworkUsage {
  readonly timestamp: Nanoseconds;
  readonly defaultInterface?: NetworkInterfaceUsage;
  readonly interfaces: readonly NetworkInterfaceUsage[];
}

export interface ProcessUsage {
  readonly timestamp: Nanoseconds;
  readonly processCount?: number;
}

export interface LinuxPodSandboxStats {
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly network?: NetworkUsage;
  readonly process?: ProcessUsage;
  readonly containers: readonly ContainerStats[];
  readonly io?: IoUsage;
}

export interface PodSandboxAttributes {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

export interface PodSandboxStats {
  readonly attributes: PodSandboxAttributes;
  readonly linux?: LinuxPodSandboxStats;
}

export interface PodSandboxStatsFilter {
  readonly id?: string;
  readonly labelSelector?: StringMap;
}
