/** The decision of preemption: on which node, at whose cost, a pod gets room. Leaves the nodes as it found them. @module */
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Cycle, Framework } from "../framework/framework.ts";
import type { RefusedNodes } from "../find-node.ts";
import { unresolvable, type Status } from "../framework/status.ts";

export interface Candidate {
  readonly node: NodeInfo;
  /** By priority, highest first. */
  readonly victims: readonly PodInfo[];
  readonly violations: number;
}

export type PreemptionPlan =
  | { readonly kind: "preempt"; readonly candidate: Candidate }
  | { readonly kind: "none"; readonly statuses: readonly Status[] };

const NAME = "DefaultPreemption";
const NO_VICTIMS = unresolvable(NAME, "No preemption victims found for incoming pod");
export const NOT_HELPFUL: Status = unresolvable(NAME, "Preemption is not helpful for scheduling");
/** Upstream's `minCandidateNodesAbsolute` and `minCandidateNodesPercentage`: among so many the best is chosen. */
const CANDIDATES_MIN = 100;
const CANDIDATES_SHARE = 0.1;

/** What is asked of the one who knows whether the pod fits on a node as it stands. */
export type Fits = (cycle: Cycle, pod: PodInfo, node: NodeInfo) => Status | undefined;

export function plan(
  framework: Framework,
  fits: Fits,
  pod: PodInfo,
  cycle: Cycle,
  refused: RefusedNodes,
  budgets: readonly PodDisruptionBudget[],
  random: () => number,
): PreemptionPlan {
  const helpful = refused.nodes.filter(
    (_, i) => refused.statuses[i]!.code !== "UnschedulableAndUnresolvable",
  );
  const statuses: Status[] = Array.from({ length: refused.nodes.length - helpful.length }, () => NOT_HELPFUL);
  const wanted = Math.max(CANDIDATES_MIN, Math.floor(helpful.length * CANDIDATES_SHARE));
  const offset = Math.floor(random() * helpful.length);
  let best: Candidate | undefined;
  let candidates = 0;
  for (let i = 0; i < helpful.length; i++) {
    const node = helpful[(offset + i) % helpful.length]!;
    const result = dryRun(framework, fits, pod, cycle, node, budgets);
    if ("code" in result) {
      statuses.push(result);
      continue;
    }
    candidates++;
    if (best === undefined || byCost(result, best) < 0) best = result;
    if (candidates >= wanted && best.violations === 0) break;
  }
  return best === undefined ? { kind: "none", statuses } : { kind: "preempt", candidate: best };
}

/** Takes every less important pod away, and gives back as many as fit, the most important ones first. */
function dryRun(
  framework: Framework,
  fits: Fits,
  pod: PodInfo,
  cycle: Cycle,
  node: NodeInfo,
  budgets: readonly PodDisruptionBudget[],
): Candidate | Status {
  const lower: PodInfo[] = [];
  for (const other of node.pods.values()) if (other.priority < pod.priority) lower.push(other);
  if (lower.length === 0) return NO_VICTIMS;
  const remove = (other: PodInfo): void => {
    node.remove(other.uid);
    framework.removePod(cycle, pod, other, node);
  };
  const restore = (other: PodInfo): void => {
    node.add(other);
    framework.addPod(cycle, pod, other, node);
  };
  for (const other of lower) remove(other);
  const obstacle = fits(cycle, pod, node);
  if (obstacle !== undefined) {
    for (const other of lower) restore(other);
    return obstacle;
  }
  const victims: PodInfo[] = [];
  const reprieve = (group: readonly PodInfo[]): void => {
    for (const other of group) {
      restore(other);
      if (fits(cycle, pod, node) === undefined) continue;
      remove(other);
      victims.push(other);
    }
  };
  lower.sort(byImportance);
  const { violating, others } = splitByBudget(lower, budgets);
  reprieve(violating);
  const violations = victims.length;
  reprieve(others);
  for (const other of victims) restore(other);
  if (violations > 0) victims.sort(byImportance);
  return { node, victims, violations };
}

/** Pods whose eviction a budget would not allow, given those before them in the list. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
  if (budgets.length === 0) return { violating: [], others: pods };
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    const own = budgets.filter((budget) => covers(budget, pod));
    for (const budget of own) left.set(budget, left.get(budget)! - 1);
    (own.some((budget) => left.get(budget)! < 0) ? violating : others).push(pod);
  }
  return { violating, others };
}

function covers({ metadata, spec, status }: PodDisruptionBudget, pod: PodInfo): boolean {
  if (metadata.namespace !== pod.namespace || spec?.selector === undefined) return false;
  const selector = labels.fromLabelSelector(spec.selector);
  if (labels.isEverything(selector)) return false; // as upstream: an empty selector protects nothing here
  if (status?.disruptedPods?.[pod.pod.metadata.name] !== undefined) return false;
  return labels.matches(selector, pod.labels);
}

/** Upstream's order: fewest violations, least important victims, smallest sum, fewest victims, latest start. */
function byCost(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    earliestStart(b) - earliestStart(a)
  );
}

function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || a.startMs - b.startMs;
}

const highest = ({ victims }: Candidate): number => victims[0]!.priority;
/** Shifted, so that many small negative priorities do not look cheap. */
const sum = ({ victims }: Candidate): number =>
  victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);

/** Of the victims with the highest priority. */
function earliestStart({ victims }: Candidate): number {
  const { priority } = victims[0]!;
  let earliest = Infinity;
  for (const victim of victims)
    if (victim.priority === priority) earliest = Math.min(earliest, victim.startMs);
  return earliest;
}
