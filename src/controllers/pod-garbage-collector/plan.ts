/** The decisions of the pod garbage collector, without clock, cache or network. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";
import { isPodTerminal } from "#api/core/v1/pod-state";
import { hasTaint } from "../taints.ts";

export const TERMINATED_PODS_MAX = 12_500;
/** How long a node must be missing before its pods are given up. */
export const QUARANTINE_MS = 40_000;

/**
 * - `orphaned`: its node does not exist; to be verified, after quarantine.
 * - `unscheduled`: is being deleted, and no kubelet will ever say that it has ended.
 * - `outOfService`: is being deleted, and an administrator declared its node dead.
 */
export type Fate = "keep" | "orphaned" | "unscheduled" | "outOfService";

export function plan(pod: Pod, node: Node | undefined): Fate {
  const nodeName = pod.spec?.nodeName ?? "";
  const isTerminating = pod.metadata.deletionTimestamp !== undefined;
  if (nodeName === "") return isTerminating ? "unscheduled" : "keep";
  if (node === undefined) return "orphaned";
  return isTerminating && isOutOfService(node) ? "outOfService" : "keep";
}

/** An administrator said so, and it does not report otherwise. */
export function isOutOfService(node: Node): boolean {
  const isReady =
    node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  const taints = node.spec?.taints;
  const effects = ["NoSchedule", "NoExecute", "PreferNoSchedule"];
  return (
    !isReady &&
    effects.some((effect) => hasTaint(taints, { key: "node.kubernetes.io/out-of-service", effect }))
  );
}

/** The finished pods beyond `max`: evicted ones first, then the oldest. 0 keeps all. */
export function surplusTerminated(pods: readonly Pod[], max: number): readonly Pod[] {
  if (max <= 0 || pods.length <= max) return [];
  const terminated = pods.filter((pod) => isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined);
  return terminated
    .toSorted((a, b) => (removalOrder(a) < removalOrder(b) ? -1 : 1))
    .slice(0, Math.max(terminated.length - max, 0));
}

function removalOrder({ metadata, status }: Pod): string {
  return `${status?.reason === "Evicted" ? 0 : 1}|${metadata.creationTimestamp ?? ""}|${metadata.name}`;
}
