/** The decisions of the node lifecycle controller about one node, without clock, cache or network. @module */
import { formatTime } from "#apimachinery";
import type { Node, NodeCondition, Pod, PodCondition, Taint } from "#api/core/v1/types.gen";
import type { TaintLike } from "../taints.ts";
import { hasTaint, isSameTaint } from "../taints.ts";

export const NODE_MONITOR_GRACE_MS = 50_000;
export const NODE_STARTUP_GRACE_MS = 60_000;

const NOT_READY = "node.kubernetes.io/not-ready";
const UNREACHABLE = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** Condition type -> status -> key of the NoSchedule taint. */
const CONDITION_TAINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
};

const MANAGED_KEYS: ReadonlySet<string> = new Set([
  UNSCHEDULABLE,
  ...Object.values(CONDITION_TAINTS).flatMap((byStatus) => Object.values(byStatus)),
]);

export function readyCondition(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find(({ type }) => type === "Ready");
}

/** "Unknown" also for a node that never reported. */
export function readiness(node: Node): "True" | "False" | "Unknown" {
  const status = readyCondition(node)?.status;
  return status === "True" || status === "False" ? status : "Unknown";
}

/** What kubelet reports, turned to Unknown when it has been silent for too long. Returns the given ones when nothing changes. */
export function planSilence(node: Node, nowMs: number): readonly NodeCondition[] {
  const current = node.status?.conditions ?? [];
  const lastTransitionTime = formatTime(nowMs);
  let conditions = current;
  for (const type of ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]) {
    const old = current.find((condition) => condition.type === type);
    if (old?.status === "Unknown") continue;
    if (old === undefined) {
      const lastHeartbeatTime = node.metadata.creationTimestamp;
      const never = { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." };
      const heartbeat = lastHeartbeatTime === undefined ? {} : { lastHeartbeatTime };
      conditions = [...conditions, { type, status: "Unknown", ...never, ...heartbeat, lastTransitionTime }];
    } else {
      const stopped = { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
      const next = { ...old, status: "Unknown", ...stopped, lastTransitionTime };
      conditions = conditions.map((condition) => (condition === old ? next : condition));
    }
  }
  return conditions;
}

/** `evict`: the node's pods may be driven away; otherwise it keeps at most the NoExecute taint that it has. */
export type Eviction = "evict" | "wait" | "never";

/**
 * The node's taints as its conditions want them; the same array when they are so already. Conditions forbid
 * scheduling; a node that is not ready also drives pods away.
 */
export function planTaints(node: Node, eviction: Eviction, nowMs: number): readonly Taint[] {
  const current = node.spec?.taints ?? [];
  const wanted = [...schedulingTaints(node), ...executionTaints(node, current, eviction)];
  const kept = current.filter((taint) => !isManaged(taint) || hasTaint(wanted as Taint[], taint));
  const timeAdded = formatTime(nowMs);
  const added = wanted.filter((taint) => !hasTaint(current, taint)).map((taint) => ({ ...taint, timeAdded }));
  return kept.length === current.length && added.length === 0 ? current : [...kept, ...added];
}

function schedulingTaints(node: Node): readonly TaintLike[] {
  const keys = (node.status?.conditions ?? []).flatMap(
    ({ type, status }) => CONDITION_TAINTS[type]?.[status] ?? [],
  );
  if (node.spec?.unschedulable === true) keys.push(UNSCHEDULABLE);
  return keys.map((key) => ({ key, effect: "NoSchedule" }));
}

/** Changing from one kind of not ready to the other is free: the pods are being driven away already. */
function executionTaints(node: Node, current: readonly Taint[], eviction: Eviction): readonly TaintLike[] {
  const ready = readyCondition(node)?.status;
  if (eviction === "never" || ready === "True" || ready === undefined) return [];
  const taint = { key: ready === "False" ? NOT_READY : UNREACHABLE, effect: "NoExecute" };
  return eviction === "evict" || isTaintedNoExecute(current) ? [taint] : [];
}

export function isTaintedNoExecute(taints: readonly Taint[]): boolean {
  const ours = [NOT_READY, UNREACHABLE].map((key) => ({ key, effect: "NoExecute" }));
  return taints.some((taint) => ours.some((other) => isSameTaint(taint, other)));
}

function isManaged({ key, effect }: Taint): boolean {
  if (effect === "NoExecute") return key === NOT_READY || key === UNREACHABLE;
  return effect === "NoSchedule" && MANAGED_KEYS.has(key);
}

/** The conditions of a ready pod on a node that is lost; undefined: it is not ready anyway. */
export function notReadyConditions(pod: Pod, nowMs: number): readonly PodCondition[] | undefined {
  const conditions = pod.status?.conditions ?? [];
  if (!conditions.some(({ type, status }) => type === "Ready" && status !== "False")) return undefined;
  const lastTransitionTime = formatTime(nowMs);
  return conditions.map((c) => (c.type === "Ready" ? { ...c, status: "False", lastTransitionTime } : c));
}
