/** What a pod uses of the resources that a node runs short of. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { specOf } from "../container/pod-spec.ts";
import type { FsUsageStats, PodSummary } from "../server/stats-summary.ts";

/** Parts of a pod's disk usage; which of them count depends on the file system. */
export type FsPart = "rootfs" | "logs" | "localVolumes";

export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

export function memoryUsage({ memory }: PodSummary): number {
  return memory?.workingSetBytes ?? 0;
}

export function processUsage(stats: PodSummary): number {
  return stats.process_stats?.process_count ?? 0;
}

export function diskUsage(pod: Pod, stats: PodSummary, parts: readonly FsPart[]): DiskUsage {
  const counted: (FsUsageStats | undefined)[] = [];
  for (const { rootfs, logs } of stats.containers) {
    if (parts.includes("rootfs")) counted.push(rootfs);
    if (parts.includes("logs")) counted.push(logs);
  }
  if (parts.includes("localVolumes")) {
    const local = new Set(localVolumeNames(pod));
    counted.push(...(stats.volume ?? []).filter(({ name }) => local.has(name)));
  }
  return {
    bytes: counted.reduce((sum, one) => sum + (one?.usedBytes ?? 0), 0),
    inodes: counted.reduce((sum, one) => sum + (one?.inodesUsed ?? 0), 0),
  };
}

/** Volumes that lie on the node's own file system. */
function localVolumeNames(pod: Pod): readonly string[] {
  return (specOf(pod).volumes ?? [])
    .filter(
      ({ emptyDir, hostPath, configMap, gitRepo }) =>
        hostPath !== undefined ||
        gitRepo !== undefined ||
        configMap !== undefined ||
        (emptyDir !== undefined && emptyDir.medium !== "Memory"),
    )
    .map(({ name }) => name);
}
