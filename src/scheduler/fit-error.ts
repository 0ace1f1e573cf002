/** Why a pod fits nowhere, in the words people know from `kubectl describe`. @module */
import type { Status } from "./framework/status.ts";

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` and what preemption said. */
export function fitErrorMessage(nodes: number, statuses: Iterable<Status>, preemption: string): string {
  const reasons = countReasons(statuses);
  const head = `0/${nodes} nodes are available`;
  const tail = preemption === "" ? "" : ` ${preemption}`;
  return reasons === "" ? `${head}.${tail}` : `${head}: ${reasons}.${tail}`;
}

/** `2 Insufficient cpu, 1 Too many pods`, sorted as text. */
export function countReasons(statuses: Iterable<Status>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of statuses)
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const lines = [...counts].map(([reason, count]) => `${count} ${reason}`);
  return lines.toSorted((a, b) => (a < b ? -1 : 1)).join(", ");
}
