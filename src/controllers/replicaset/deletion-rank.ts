/** Which replicas go first when there are too many; upstream's ActivePodsWithRanks. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { isPodActive, isPodReady, podReadySinceMs } from "#api/core/v1/pod-state";

const POD_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The `count` pods of `active` to delete. `related` are the pods of all replica sets of the same owner: a pod is
 * preferred when its node runs many of them.
 */
export function podsToDelete(
  active: readonly Pod[],
  related: readonly Pod[],
  count: number,
  nowMs: number,
): readonly Pod[] {
  if (count >= active.length) return active;
  const perNode = new Map<string, number>();
  for (const pod of related.filter(isPodActive)) {
    const node = pod.spec?.nodeName ?? "";
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod): number => perNode.get(pod.spec?.nodeName ?? "") ?? 0;
  return active.toSorted((a, b) => compare(a, b, rank, nowMs)).slice(0, count);
}

/** Negative: `a` goes first. The steps and their order are upstream's. */
function compare(a: Pod, b: Pod, rank: (pod: Pod) => number, nowMs: number): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    rank(b) - rank(a) ||
    byAge(podReadySinceMs(a), podReadySinceMs(b), a, b, nowMs) ||
    maxRestarts(b, "regular") - maxRestarts(a, "regular") ||
    maxRestarts(b, "sidecar") - maxRestarts(a, "sidecar") ||
    byAge(createdMs(a), createdMs(b), a, b, nowMs)
  );
}

/** Upstream's ActivePods, where neither costs nor neighbours count. Negative: `a` goes first. */
export function compareActivePods(a: Pod, b: Pod): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    laterFirst(podReadySinceMs(a), podReadySinceMs(b)) ||
    maxRestarts(b, "regular") - maxRestarts(a, "regular") ||
    maxRestarts(b, "sidecar") - maxRestarts(a, "sidecar") ||
    laterFirst(createdMs(a), createdMs(b))
  );
}

/** Unknown counts as latest. */
function laterFirst(aMs: number | undefined, bMs: number | undefined): number {
  return aMs === bMs ? 0 : (bMs ?? Infinity) - (aMs ?? Infinity);
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") !== "";
}

function phaseRank(pod: Pod): number {
  return PHASE_RANK[pod.status?.phase ?? "Pending"] ?? 0;
}

/** An annotation that is no 32-bit integer counts as absent. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[POD_DELETION_COST];
  if (text === undefined || !/^(0|-?[1-9][0-9]{0,9})$/.test(text)) return 0;
  const cost = Number(text);
  return Math.abs(cost) <= 0x7fffffff ? cost : 0;
}

/**
 * The younger goes first. Ages are compared by their order of magnitude, and within one the uid decides, so that the
 * victims of successive scale-downs are spread (KEP-2185). Unknown counts as youngest.
 */
function byAge(aMs: number | undefined, bMs: number | undefined, a: Pod, b: Pod, nowMs: number): number {
  if (aMs === bMs) return 0;
  if (aMs === undefined || bMs === undefined) return aMs === undefined ? -1 : 1;
  const difference = magnitude(nowMs - aMs) - magnitude(nowMs - bMs);
  return difference !== 0 ? difference : (a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1;
}

function magnitude(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}

function createdMs(pod: Pod): number | undefined {
  return pod.metadata.creationTimestamp === undefined
    ? undefined
    : Date.parse(pod.metadata.creationTimestamp);
}

function maxRestarts(pod: Pod, of: "regular" | "sidecar"): number {
  if (of === "regular") {
    return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
  }
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  const statuses = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  return Math.max(0, ...statuses.map(({ restartCount }) => restartCount));
}
