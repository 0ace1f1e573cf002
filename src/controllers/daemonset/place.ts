/** What a plan for a DaemonSet looks at, and what it says. @module */
import type { DaemonSet } from "#api/apps/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { podAvailableInMs } from "#api/core/v1/pod-state";
import type { Eligibility } from "./eligible.ts";

/** One node as a plan sees it. */
export interface Place extends Eligibility {
  readonly node: string;
  /** There is no node of this name. */
  readonly isGone: boolean;
  /** Those bound to the node first, the older before the younger. */
  readonly pods: readonly Pod[];
}

export interface Plan {
  /** Names of the nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Those of `remove` that failed, to tell of. */
  readonly failed: readonly Pod[];
}

export function isAvailable(ds: DaemonSet, pod: Pod, nowMs: number): boolean {
  return podAvailableInMs(pod, ds.spec?.minReadySeconds ?? 0, nowMs) === 0;
}
