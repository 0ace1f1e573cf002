/** The order in which pods are to go. Pure; upstream's order. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";
import { podRequests } from "../container/resources.ts";
import type { PodSummary } from "../server/stats-summary.ts";
import { diskUsage, type FsPart, memoryUsage, processUsage } from "./pod-usage.ts";
import type { FsLayout, Signal } from "./thresholds.ts";

export type StatsOf = (pod: Pod) => PodSummary | undefined;

/** Which to end first for this signal: those above their requests, then by priority, then by how much they are above. */
export function rankPods(
  signal: Signal,
  pods: readonly Pod[],
  statsOf: StatsOf,
  layout: FsLayout,
): readonly Pod[] {
  const use = new Map(pods.map((pod) => [uidOf(pod), aboveRequest(signal, pod, statsOf(pod), layout)]));
  const of = (pod: Pod): Above => use.get(uidOf(pod))!;
  return pods.toSorted(
    (a, b) =>
      Number(of(b).exceeds) - Number(of(a).exceeds) ||
      (specOf(a).priority ?? 0) - (specOf(b).priority ?? 0) ||
      compare(of(b).by, of(a).by),
  );
}

interface Above {
  readonly exceeds: boolean;
  readonly by: number;
}

/** A pod without measurements goes before those that are known. */
const UNKNOWN: Above = { exceeds: true, by: Infinity };

function aboveRequest(signal: Signal, pod: Pod, stats: PodSummary | undefined, layout: FsLayout): Above {
  if (stats === undefined) return UNKNOWN;
  if (signal === "pid.available") return { exceeds: false, by: processUsage(stats) };
  if (signal === "memory.available" || signal === "allocatableMemory.available")
    return above(memoryUsage(stats), podRequests(pod, "memory"));
  const { bytes, inodes } = diskUsage(pod, stats, partsOf(signal, layout));
  // Inodes are not requested.
  return signal.endsWith(".inodesFree")
    ? { exceeds: inodes > 0, by: inodes }
    : above(bytes, podRequests(pod, "ephemeral-storage"));
}

function above(used: number, requested: number): Above {
  return { exceeds: used > requested, by: used - requested };
}

/** What of a pod lies on the file system that a signal is about. */
export function partsOf(signal: Signal, { dedicatedImageFs, splitContainerFs }: FsLayout): readonly FsPart[] {
  if (!dedicatedImageFs) return ["rootfs", "logs", "localVolumes"];
  const isNode = signal.startsWith("nodefs.");
  if (splitContainerFs) return signal.startsWith("imagefs.") ? [] : ["logs", "localVolumes", "rootfs"];
  return isNode ? ["logs", "localVolumes"] : ["rootfs"];
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
