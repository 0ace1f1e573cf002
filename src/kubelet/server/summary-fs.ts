/** The part of a summary that is about the disk. Pure. @module */
import type { PodFs, RuntimeFsStats } from "../stats/fs-stats.ts";
import type { ContainerSummary, FsUsageStats, PodSummary, SummaryInput } from "./stats-summary.ts";

/** File systems of the runtime, and the memory of all pods together. */
export function nodeFs(
  { runtimeFs, podsMemory }: NonNullable<SummaryInput["fs"]>,
  time: string,
): Readonly<Record<string, unknown>> {
  return {
    ...(runtimeFs !== undefined && {
      runtime: {
        imageFs: { ...statsOf(runtimeFs.imageFs), time },
        containerFs: { ...statsOf(runtimeFs.containerFs), time },
      },
    }),
    ...(podsMemory !== undefined && {
      systemContainers: [
        {
          name: "pods",
          startTime: time,
          memory: {
            time,
            workingSetBytes: podsMemory.workingSetBytes,
            ...(podsMemory.limitBytes !== undefined && {
              availableBytes: Math.max(0, podsMemory.limitBytes - podsMemory.workingSetBytes),
            }),
          },
        },
      ],
    }),
  };
}

/** A pod's ephemeral storage is what its containers wrote and logged, and its volumes that have no claim. */
export function withFs(
  pod: PodSummary,
  fs: PodFs | undefined,
  runtimeFs: RuntimeFsStats | undefined,
  time: string,
): PodSummary {
  if (fs === undefined) return pod;
  const containers = pod.containers.map((container) => containerFs(container, fs, runtimeFs, time));
  const volumes = fs.volumes.filter(({ pvcRef }) => pvcRef === undefined);
  const parts: readonly (FsUsageStats | undefined)[] = [
    ...containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...volumes,
  ];
  const storage = {
    time,
    usedBytes: parts.reduce((sum, part) => sum + (part?.usedBytes ?? 0), 0),
    inodesUsed: parts.reduce((sum, part) => sum + (part?.inodesUsed ?? 0), 0),
  };
  return {
    ...pod,
    containers,
    ...(fs.volumes.length > 0 && { volume: fs.volumes }),
    "ephemeral-storage": storage,
    // Some runtimes count the processes of the sandbox alone.
    ...(fs.processes !== undefined && { process_stats: { process_count: fs.processes } }),
  };
}

function containerFs(
  container: ContainerSummary,
  { logs }: PodFs,
  runtimeFs: RuntimeFsStats | undefined,
  time: string,
): ContainerSummary {
  const own = logs.get(container.name);
  const { availableBytes, capacityBytes, inodes, inodesFree } = runtimeFs?.containerFs ?? {};
  const whole = capacityBytes === undefined ? {} : { availableBytes, capacityBytes, inodes, inodesFree };
  return {
    ...container,
    ...(container.rootfs !== undefined && { rootfs: { ...(whole as FsUsageStats), ...container.rootfs } }),
    ...(own !== undefined && { logs: { ...statsOf(own), time } }),
  };
}

function statsOf(
  fs: RuntimeFsStats["imageFs"] | NonNullable<ReturnType<PodFs["logs"]["get"]>>,
): FsUsageStats {
  const { availableBytes, capacityBytes, usedBytes, inodes, inodesFree, inodesUsed } = fs;
  return { availableBytes, capacityBytes, usedBytes, inodes, inodesFree, inodesUsed };
}
