/**
 * What the node and its pods use now, for /metrics/resource. It is asked four times a minute, so it is read from the pods'
 * cgroups: the runtime would have to ask a process of every pod, twice. @module
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ContainerStats, PodSandboxStats } from "#cri";
import type { Pod } from "#api/core/v1/types.gen";
import {
  CONTAINER_NAME_LABEL,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_UID_LABEL,
} from "../container/labels.ts";
import { qosClassOf } from "../container/qos.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import type { CgroupUsage, PodCgroupUsage } from "../platform/platform.ts";
import type { ServerHost } from "./server-host.ts";
import { sandboxStats, statsSummary, summarize, type StatsSummary } from "./stats-summary.ts";

export type ResourceHost = Pick<
  ServerHost,
  "nodeName" | "clock" | "runtime" | "platform" | "runtimePod" | "runtimePods" | "activePods"
>;

/** More pods without a cgroup than this are asked for all at once. */
const SINGLE_PODS_MAX = 20;

/** CPU, memory and swap alone. Of pods without a cgroup of their own, such as components of the cluster, the runtime is asked. */
export async function resourceSummary(host: ResourceHost, signal: AbortSignal): Promise<StatsSummary> {
  const { cgroups } = host.platform;
  const containers: ContainerStats[] = [];
  const sandboxes: PodSandboxStats[] = [];
  const others: string[] = [];
  const pods = new Map(host.activePods().map((pod) => [pod.metadata.uid, pod]));
  for (const runtimePod of host.runtimePods()) {
    const sandbox = runtimePod.sandboxes.find(({ ready }) => ready);
    if (sandbox === undefined) continue;
    const usage = await usageOf(cgroups, pods.get(runtimePod.uid), runtimePod);
    if (usage === undefined) {
      others.push(sandbox.id);
      continue;
    }
    sandboxes.push(sandboxOf(runtimePod, sandbox.id, usage));
    containers.push(...containersOf(runtimePod, usage));
    await nextTurn(undefined, { signal });
  }
  if (others.length > SINGLE_PODS_MAX) return statsSummary(host, signal);
  const [usage, ...asked] = await Promise.all([
    host.platform.usage(),
    ...others.map((podSandboxId) =>
      Promise.all([
        host.runtime.listContainerStats({ podSandboxId }, signal),
        sandboxStats(host, signal, { id: podSandboxId }),
      ]),
    ),
  ]);
  return summarize({
    fs: undefined,
    nodeName: host.nodeName,
    nowMs: host.clock.now(),
    usage,
    containers: [...containers, ...asked.flatMap(([list]) => list)],
    sandboxes: [...sandboxes, ...asked.flatMap(([, list]) => list)],
    runtimePod: (uid) => host.runtimePod(uid),
  });
}

/** Undefined unless every running container has a cgroup below the pod's. */
async function usageOf(
  cgroups: ResourceHost["platform"]["cgroups"],
  pod: Pod | undefined,
  { uid, containers }: RuntimePod,
): Promise<PodCgroupUsage | undefined> {
  if (pod === undefined) return undefined;
  const running = containers.filter(({ state }) => state === "running").map(({ id }) => id);
  const usage = await cgroups.usage(uid, qosClassOf(pod), running);
  return usage !== undefined && usage.containers.size === running.length ? usage : undefined;
}

function sandboxOf(pod: RuntimePod, id: string, { time, pod: usage }: PodCgroupUsage): PodSandboxStats {
  const { name, namespace, uid } = pod;
  return {
    attributes: {
      id,
      metadata: { name, namespace, uid, attempt: 0 },
      labels: podLabels(pod),
      annotations: {},
    },
    linux: { ...measured(usage, time), containers: [] },
  };
}

function containersOf(pod: RuntimePod, { time, containers }: PodCgroupUsage): readonly ContainerStats[] {
  return pod.containers.flatMap(({ id, name }) => {
    const usage = containers.get(id);
    if (usage === undefined) return [];
    const labels = { ...podLabels(pod), [CONTAINER_NAME_LABEL]: name };
    const attributes = { id, metadata: { name, attempt: 0 }, labels, annotations: {} };
    return [{ attributes, ...measured(usage, time) }];
  });
}

function podLabels({ uid, name, namespace }: RuntimePod): Readonly<Record<string, string>> {
  return { [POD_UID_LABEL]: uid, [POD_NAME_LABEL]: name, [POD_NAMESPACE_LABEL]: namespace };
}

function measured(
  { cpuNanoSeconds, workingSetBytes, swapBytes }: CgroupUsage,
  time: number,
): Pick<ContainerStats, "cpu" | "memory" | "swap"> {
  const timestamp = BigInt(time) * 1_000_000n;
  return {
    cpu: { timestamp, usageCoreNanoSeconds: cpuNanoSeconds },
    memory: { timestamp, workingSetBytes },
    ...(swapBytes !== undefined && { swap: { timestamp, swapUsageBytes: swapBytes } }),
  };
}
