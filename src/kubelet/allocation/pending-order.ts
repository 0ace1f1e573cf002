/** The order in which resizes that wait are looked at again. Pure; upstream's order. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { qosClassOf } from "../container/qos.ts";
import { specOf } from "../container/pod-spec.ts";
import { isIncrease } from "./pod-allocation.ts";

export interface PendingResize {
  readonly pod: Pod;
  /** The same pod as it was granted. */
  readonly allocated: Pod;
  /** Since when it waits; undefined: it was not looked at yet. */
  readonly since: string | undefined;
}

/** Those that give back first, then by priority, then guaranteed ones, then by the time they wait. */
export function pendingOrder(pending: readonly PendingResize[]): readonly PendingResize[] {
  return pending.toSorted(
    (a, b) =>
      Number(isIncrease(a.allocated, a.pod)) - Number(isIncrease(b.allocated, b.pod)) ||
      (specOf(b.pod).priority ?? 0) - (specOf(a.pod).priority ?? 0) ||
      Number(isGuaranteed(b.pod)) - Number(isGuaranteed(a.pod)) ||
      timeOf(a) - timeOf(b),
  );
}

function isGuaranteed(pod: Pod): boolean {
  return qosClassOf(pod) === "Guaranteed";
}

/** The newest come last. */
function timeOf({ since }: PendingResize): number {
  return since === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(since);
}
