/** The pods of cluster events as the plugins look at pods. @module */
import { podInfo, type PodInfo } from "../cache/pod-info.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";

const known = new WeakMap<object, PodInfo>();

/** Computed once per pod, however many waiting pods are asked about the event. */
export function eventPod({ pod }: ClusterEvent, which: "old" | "new"): PodInfo | undefined {
  const raw = pod?.[which];
  if (raw === undefined) return undefined;
  const info = known.get(raw) ?? podInfo(raw);
  known.set(raw, info);
  return info;
}
