/** DefaultPreemption as PostFilter: whether a pod may send others away, and whom. @module */
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import type { PodInfo } from "../cache/pod-info.ts";
import type { NodeFinder, RefusedNodes, Unschedulable } from "../find-node.ts";
import { fitErrorMessage } from "../fit-error.ts";
import type { Framework } from "../framework/framework.ts";
import type { ClusterEvent, Snapshot } from "../framework/plugin.ts";
import { isTerminatingByPreemption } from "../pod-conditions.ts";
import type { NominatedPods } from "./nominated-pods.ts";
import { NOT_HELPFUL, plan, type Candidate } from "./plan.ts";

export interface PreemptorParts {
  readonly framework: Framework;
  readonly finder: NodeFinder;
  readonly nominated: NominatedPods;
  readonly random: () => number;
  readonly budgets: () => readonly PodDisruptionBudget[];
}

export type PreemptionResult =
  | { readonly kind: "preempt"; readonly candidate: Candidate }
  /** `note` goes to the end of the message; the promise of a node lapses unless it is kept. */
  | { readonly kind: "none"; readonly note: string; readonly keepsPromise: boolean };

export function preempt(
  { framework, finder, nominated, random, budgets }: PreemptorParts,
  pod: PodInfo,
  { cycle, refused }: Unschedulable,
  snapshot: Snapshot,
): PreemptionResult {
  const why = notEligible(pod, nominated, refused, snapshot);
  if (why !== undefined)
    return { kind: "none", note: `preemption: not eligible due to ${why}.`, keepsPromise: true };
  const nodes = snapshot.nodes.length;
  const fits = finder.fits.bind(finder);
  const result =
    cycle === undefined
      ? { kind: "none" as const, statuses: [] }
      : plan(framework, fits, pod, cycle, refused, budgets(), random);
  if (result.kind === "preempt") return result;
  const { statuses } = result;
  const absent = { nodes: nodes - statuses.length, status: NOT_HELPFUL };
  return {
    kind: "none",
    note: nodes === 0 ? "" : `preemption: ${fitErrorMessage({ nodes, statuses, absent }, "")}`,
    keepsPromise: false,
  };
}

function notEligible(
  pod: PodInfo,
  nominated: NominatedPods,
  { nodes, statuses }: RefusedNodes,
  snapshot: Snapshot,
): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === "Never") return "preemptionPolicy=Never";
  const node = snapshot.get(nominated.nodeOf(pod.uid) ?? "");
  if (node === undefined) return undefined;
  if (statuses[nodes.indexOf(node)]?.code === "UnschedulableAndUnresolvable") return undefined;
  const victims = nominated.victimsOf(pod.uid); // some may not be seen to go yet
  for (const other of node.pods.values()) {
    if (other.priority < pod.priority && (victims.has(other.uid) || isTerminatingByPreemption(other.pod)))
      return "a terminating pod on the nominated node";
  }
  return undefined;
}

/** Whether the event is that a victim of this pod has gone and others have not: there is no room yet. */
export function waitsForMoreVictims(
  { action, pod }: ClusterEvent,
  uid: string,
  nominated: NominatedPods,
  snapshot: Snapshot,
): boolean {
  if (action !== "delete") return false;
  const victims = nominated.victimsOf(uid);
  if (!victims.has(pod?.old?.metadata.uid ?? "")) return false;
  const node = snapshot.get(nominated.nodeOf(uid) ?? "");
  return node !== undefined && victims.values().some((victim) => node.pods.has(victim));
}
