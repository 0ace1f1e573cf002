/** Asks several extenders about the nodes that plugins left. @module */
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { MAX_NODE_SCORE, type RefusedNodes } from "../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../framework/status.ts";
import type { Candidate } from "../preemption/plan.ts";
import type { Extender } from "./extender.ts";

/** In place of a plugin's name for pods that an extender refused: every event may help them. */
export const EXTENDER = "Extender";
/** Extenders score from 0 to this. */
const EXTENDER_PRIORITY_MAX = 10;

interface Filtered {
  readonly feasible: readonly NodeInfo[];
  readonly refused: RefusedNodes;
}

/** One after another. Rejects when one fails that may not be ignored. */
export async function askToFilter(
  extenders: readonly Extender[],
  pod: PodInfo,
  feasible: readonly NodeInfo[],
  refused: RefusedNodes,
): Promise<Filtered> {
  let left = feasible;
  const nodes = [...refused.nodes];
  const statuses: Status[] = [...refused.statuses];
  for (const extender of extenders) {
    if (!extender.isFilter || left.length === 0) continue;
    try {
      const result = await extender.filter(pod, left);
      const passed = new Set(result.nodes);
      for (const node of left) {
        if (passed.has(node)) continue;
        const unresolvableReason = result.failedAndUnresolvable[node.name];
        const reason = unresolvableReason ?? result.failed[node.name] ?? "";
        const reasons = reason === "" ? [] : [reason];
        const make = unresolvableReason === undefined ? unschedulable : unresolvable;
        nodes.push(node);
        statuses.push(make(EXTENDER, ...reasons));
      }
      left = result.nodes;
    } catch (err) {
      if (!extender.isIgnorable) throw err;
    }
  }
  return { feasible: left, refused: { nodes, statuses, absent: refused.absent } };
}

/** Their weighted scores on the scale of plugins, in the order of `nodes`. One that fails scores nothing. */
export async function askToPrioritize(
  extenders: readonly Extender[],
  pod: PodInfo,
  nodes: readonly NodeInfo[],
): Promise<readonly number[]> {
  const totals = new Map(nodes.map(({ name }) => [name, 0]));
  const prioritizers = extenders.filter(({ isPrioritizer }) => isPrioritizer);
  const answers = await Promise.allSettled(prioritizers.map((extender) => extender.prioritize(pod, nodes)));
  for (const [i, answer] of answers.entries()) {
    if (answer.status === "rejected") continue;
    for (const { Host, Score } of answer.value)
      totals.set(Host, (totals.get(Host) ?? 0) + Score * prioritizers[i]!.weight);
  }
  return nodes.map(({ name }) => (totals.get(name)! * MAX_NODE_SCORE) / EXTENDER_PRIORITY_MAX);
}

/** The candidates for preemption that every extender agrees to. Rejects when one fails that may not be ignored. */
export async function askAboutPreemption(
  extenders: readonly Extender[],
  pod: PodInfo,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  let left = candidates;
  for (const extender of extenders) {
    if (left.length === 0) break;
    if (!extender.supportsPreemption || !extender.isInterested(pod.pod)) continue;
    try {
      left = await extender.processPreemption(pod, left);
    } catch (err) {
      if (!extender.isIgnorable) throw err;
    }
  }
  return left;
}
