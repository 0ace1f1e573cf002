/** Why a pod fits nowhere, in the words people know from `kubectl describe`. @module */
import type { Status } from "./framework/status.ts";

export interface FitFailure {
  /** Of the cluster. */
  readonly nodes: number;
  /** Of the nodes that were looked at. */
  readonly statuses: Iterable<Status>;
  /** What keeps the pod from all the other nodes. */
  readonly absent?: { readonly nodes: number; readonly status: Status } | undefined;
  /** The pod was refused before any node was looked at. */
  readonly refusal?: Status | undefined;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` and what preemption said. */
export function fitErrorMessage(failure: FitFailure, preemption: string): string {
  if (failure.nodes === 0) return "no nodes available to schedule pods";
  const { refusal } = failure;
  const reasons = refusal === undefined ? countReasons(failure) : refusal.reasons.join(", ");
  const head = `0/${failure.nodes} nodes are available:`;
  return `${head}${reasons === "" ? "" : ` ${reasons}.`}${preemption === "" ? "" : ` ${preemption}`}`;
}

/** `2 Insufficient cpu, 1 Too many pods`, sorted as text. */
function countReasons({ statuses, absent }: FitFailure): string {
  const sameStatus = new Map<Status, number>(); // most nodes share a few objects, and neighbours one
  let last: Status | undefined;
  let run = 0;
  const endRun = (): void => {
    if (last !== undefined) sameStatus.set(last, (sameStatus.get(last) ?? 0) + run);
  };
  for (const status of statuses) {
    if (status !== last) {
      endRun();
      last = status;
      run = 0;
    }
    run++;
  }
  endRun();
  if (absent !== undefined && absent.nodes > 0) sameStatus.set(absent.status, absent.nodes);
  const counts = new Map<string, number>();
  for (const [{ reasons }, nodes] of sameStatus)
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + nodes);
  const lines = [...counts].map(([reason, count]) => `${count} ${reason}`);
  return lines.toSorted((a, b) => (a < b ? -1 : 1)).join(", ");
}
