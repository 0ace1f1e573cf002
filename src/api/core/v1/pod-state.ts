/** What is asked of a pod's state everywhere; upstream's `podutil` and `controller_utils`. @module */
import type { Pod, PodCondition } from "./types.gen.ts";

/** Neither finished nor being deleted: the pods that count as replicas. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isPodTerminal(pod: Pod): boolean {
  return isTerminalPhase(pod.status?.phase);
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}

/** Being deleted and not finished yet: still holding its name, its address and its node's resources. */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** Since when the pod is ready, ms since 1970; undefined when it is not. */
export function podReadySinceMs(pod: Pod): number | undefined {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True" || ready.lastTransitionTime === undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

/** How long until a ready pod counts as available: 0 when it does already, undefined when it is not ready. */
export function podAvailableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = podReadySinceMs(pod);
  return since === undefined ? undefined : Math.max(since + minReadySeconds * 1000 - nowMs, 0);
}

/** The pod's IPs in the order of its status, the primary first. */
export function podIPs(pod: Pod): readonly string[] {
  const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== undefined && ip !== "");
  if (ips.length > 0) return ips;
  const primary = pod.status?.podIP ?? "";
  return primary === "" ? [] : [primary];
}
