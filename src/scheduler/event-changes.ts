/** What of a node or a pod is new, as far as it matters to pods that wait. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";
import { jsonEqual } from "#apimachinery";
import type { PodInfo } from "./cache/pod-info.ts";
import { isSmaller } from "./cache/resources.ts";
import type { EventChange } from "./framework/cluster-event.ts";

/** Heartbeats change the times of conditions only, and help nobody. */
export function nodeChanges(old: Node, node: Node): readonly EventChange[] {
  const changes: EventChange[] = [];
  if (!jsonEqual(old.status?.allocatable, node.status?.allocatable)) changes.push("UpdateNodeAllocatable");
  if (!jsonEqual(old.metadata.labels, node.metadata.labels)) changes.push("UpdateNodeLabel");
  const isSame =
    jsonEqual(old.spec?.taints, node.spec?.taints) && old.spec?.unschedulable === node.spec?.unschedulable;
  if (!isSame) changes.push("UpdateNodeTaint");
  if (!jsonEqual(conditionsOf(old), conditionsOf(node))) changes.push("UpdateNodeCondition");
  if (!jsonEqual(old.metadata.annotations, node.metadata.annotations)) changes.push("UpdateNodeAnnotation");
  return changes;
}

function conditionsOf({ status }: Node): unknown {
  return (status?.conditions ?? []).map(({ type, status: is }) => [type, is]);
}

/** Of a pod that is on a node. */
export function podChanges(old: PodInfo, pod: PodInfo): readonly EventChange[] {
  const changes: EventChange[] = [];
  if (old.groupKey !== pod.groupKey) changes.push("UpdatePodLabel");
  if (isSmaller(pod.requests, old.requests)) changes.push("UpdatePodScaleDown");
  return changes;
}

/** The scheduler's own status writes come back as updates, and change nothing it looks at. */
export function asksAnew(old: Pod, pod: Pod): boolean {
  return (
    !jsonEqual(old.metadata.labels, pod.metadata.labels) ||
    !jsonEqual(old.spec, pod.spec) ||
    !jsonEqual(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses)
  );
}
