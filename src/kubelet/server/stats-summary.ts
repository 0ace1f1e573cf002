/** GET /stats/summary: what the node and its pods use, in the form that metrics-server reads. @module */
import { formatTime } from "#apimachinery";
import type { ContainerStats } from "#cri";
import {
  CONTAINER_NAME_LABEL,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_UID_LABEL,
} from "../container/labels.ts";
import type { ServerHost } from "./server-host.ts";

export async function statsSummary(host: ServerHost, signal: AbortSignal): Promise<unknown> {
  const [usage, containers] = await Promise.all([
    host.platform.usage(),
    host.runtime.listContainerStats({}, signal),
  ]);
  const time = formatTime(host.clock.now());
  const byPod = Map.groupBy(containers, ({ attributes }) => attributes.labels[POD_UID_LABEL] ?? "");
  return {
    node: {
      nodeName: host.nodeName,
      cpu: { time, usageCoreNanoSeconds: usage.cpuNanoSeconds },
      memory: {
        time,
        availableBytes: usage.memoryAvailableBytes,
        workingSetBytes: usage.memoryWorkingSetBytes,
      },
      fs: {
        time,
        availableBytes: usage.fsAvailableBytes,
        capacityBytes: usage.fsCapacityBytes,
        usedBytes: usage.fsCapacityBytes - usage.fsAvailableBytes,
        inodes: usage.fsInodes,
        inodesFree: usage.fsInodesFree,
      },
      rlimit: { time, maxpid: usage.processesMax, curproc: usage.processes },
    },
    pods: [...byPod].filter(([uid]) => uid !== "").map(([uid, list]) => podStats(uid, list, time)),
  };
}

function podStats(uid: string, list: readonly ContainerStats[], time: string): unknown {
  const { labels } = list[0]!.attributes;
  const sum = (of: (stats: ContainerStats) => number | undefined): number =>
    list.reduce((total, stats) => total + (of(stats) ?? 0), 0);
  return {
    podRef: { name: labels[POD_NAME_LABEL], namespace: labels[POD_NAMESPACE_LABEL], uid },
    containers: list.map((stats) => containerStats(stats, time)),
    cpu: {
      time,
      usageNanoCores: sum((s) => s.cpu?.usageNanoCores),
      usageCoreNanoSeconds: sum((s) => s.cpu?.usageCoreNanoSeconds),
    },
    memory: {
      time,
      usageBytes: sum((s) => s.memory?.usageBytes),
      workingSetBytes: sum((s) => s.memory?.workingSetBytes),
      rssBytes: sum((s) => s.memory?.rssBytes),
    },
  };
}

function containerStats({ attributes, cpu, memory, writableLayer }: ContainerStats, time: string): unknown {
  return {
    name: attributes.labels[CONTAINER_NAME_LABEL] ?? attributes.metadata.name,
    cpu: {
      time,
      usageNanoCores: cpu?.usageNanoCores ?? 0,
      usageCoreNanoSeconds: cpu?.usageCoreNanoSeconds ?? 0,
    },
    memory: {
      time,
      usageBytes: memory?.usageBytes ?? 0,
      workingSetBytes: memory?.workingSetBytes ?? 0,
      rssBytes: memory?.rssBytes ?? 0,
    },
    rootfs: { time, usedBytes: writableLayer?.usedBytes ?? 0, inodesUsed: writableLayer?.inodesUsed ?? 0 },
  };
}
