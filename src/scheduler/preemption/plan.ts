/** The decision of preemption: on which node, at whose cost, a pod gets room. Leaves the nodes as it found them. @module */
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Cycle, RefusedNodes } from "../framework/plugin.ts";
import { unresolvable, type Status } from "../framework/status.ts";

export interface Candidate {
  readonly node: NodeInfo;
  /** By priority, highest first. */
  readonly victims: readonly PodInfo[];
  readonly violations: number;
  /** What decides between candidates. */
  readonly highestPriority: number;
  readonly prioritySum: number;
  /** Of the victims with the highest priority, ms. */
  readonly earliestStart: number;
}

/** `victims` by priority, highest first. */
export function newCandidate(node: NodeInfo, victims: readonly PodInfo[], violations: number): Candidate {
  const highestPriority = victims[0]!.priority;
  let prioritySum = 0;
  let earliestStart = Infinity;
  for (const { priority, startMs } of victims) {
    prioritySum += priority + 2 ** 31; // shifted, so that many small negative priorities do not look cheap
    if (priority === highestPriority) earliestStart = Math.min(earliestStart, startMs);
  }
  return { node, victims, violations, highestPriority, prioritySum, earliestStart };
}

const NAME = "DefaultPreemption";
const NO_VICTIMS = unresolvable(NAME, "No preemption victims found for incoming pod");
export const NOT_HELPFUL: Status = unresolvable(NAME, "Preemption is not helpful for scheduling");

/** Upstream's `minCandidateNodesAbsolute` and `minCandidateNodesPercentage`: among so many the best is chosen. */
export interface CandidateNumbers {
  readonly minCandidateNodesAbsolute: number;
  readonly minCandidateNodesPercentage: number;
}

/** Tries out what the plugins say. What it does to a node it takes back. */
export interface Trial {
  fits(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined;
  /** As if `other` were on the node, or gone from it. */
  put(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  take(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
}

export interface CandidatesFound {
  /** Never empty handed if there are any without violations. */
  readonly candidates: readonly Candidate[];
  /** Of the nodes that are none. */
  readonly statuses: readonly Status[];
}

/** How long a search may go on before others have their turn, and what has become of a node meanwhile. */
export interface Slices {
  isOver(): boolean;
  next(): Promise<void>;
  isGone(node: NodeInfo): boolean;
}

/** A promise only if it takes more than one slice: no cycle may run meanwhile, but nodes and pods come and go. */
export function findCandidates(
  trial: Trial,
  pod: PodInfo,
  cycle: Cycle,
  refused: RefusedNodes,
  budgets: readonly PodDisruptionBudget[],
  random: () => number,
  numbers: CandidateNumbers,
  slices: Slices,
): CandidatesFound | Promise<CandidatesFound> {
  const search = searchNodes(trial, pod, cycle, refused, budgets, random, numbers, slices);
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
    if (slices.isOver()) return inSlices(search, slices);
  }
}

async function inSlices(
  search: Generator<void, CandidatesFound, void>,
  slices: Slices,
): Promise<CandidatesFound> {
  await slices.next();
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
    if (slices.isOver()) await slices.next();
  }
}

/** Yields before every dry run, with everything as it is without this search. */
function* searchNodes(
  trial: Trial,
  pod: PodInfo,
  cycle: Cycle,
  refused: RefusedNodes,
  budgets: readonly PodDisruptionBudget[],
  random: () => number,
  numbers: CandidateNumbers,
  slices: Slices,
): Generator<void, CandidatesFound, void> {
  const helpful: NodeInfo[] = [];
  const statuses: Status[] = [];
  for (let i = 0; i < refused.nodes.length; i++) {
    if (refused.statuses[i]!.code === "UnschedulableAndUnresolvable") statuses.push(NOT_HELPFUL);
    else helpful.push(refused.nodes[i]!);
  }
  const share = Math.floor((helpful.length * numbers.minCandidateNodesPercentage) / 100);
  const wanted = Math.max(numbers.minCandidateNodesAbsolute, share);
  const offset = Math.floor(random() * helpful.length);
  // budgets change without the nodes changing
  const equals = budgets.length === 0 ? cycle.equals : undefined;
  const candidates: Candidate[] = [];
  let hasGood = false;
  for (let i = 0; i < helpful.length; i++) {
    const node = helpful[(offset + i) % helpful.length]!;
    let result = equals?.dryRuns.isKnown(node) === true ? equals.dryRuns.get(node) : undefined;
    if (result === undefined) {
      yield;
      if (slices.isGone(node)) {
        statuses.push(NOT_HELPFUL);
        continue;
      }
      result = dryRun(trial, pod, cycle, node, budgets);
      equals?.dryRuns.set(node, result);
    }
    if ("code" in result) {
      statuses.push(result);
      continue;
    }
    candidates.push(result);
    if (result.violations === 0) hasGood = true;
    if (candidates.length >= wanted && hasGood) break;
  }
  return { candidates, statuses };
}

/** The cheapest; the first of equals. */
export function selectCandidate(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((best, other) => (byCost(other, best) < 0 ? other : best));
}

/** Takes every less important pod away, and gives back as many as fit, the most important ones first. */
function dryRun(
  trial: Trial,
  pod: PodInfo,
  cycle: Cycle,
  node: NodeInfo,
  budgets: readonly PodDisruptionBudget[],
): Candidate | Status {
  const lower: PodInfo[] = [];
  for (const other of node.pods.values()) if (other.priority < pod.priority) lower.push(other);
  if (lower.length === 0) return NO_VICTIMS;
  for (const other of lower) trial.take(cycle, pod, other, node);
  const obstacle = trial.fits(cycle, pod, node);
  if (obstacle !== undefined) {
    for (const other of lower) trial.put(cycle, pod, other, node);
    return obstacle;
  }
  const victims: PodInfo[] = [];
  const reprieve = (group: readonly PodInfo[]): void => {
    for (const other of group) {
      trial.put(cycle, pod, other, node);
      if (trial.fits(cycle, pod, node) === undefined) continue;
      trial.take(cycle, pod, other, node);
      victims.push(other);
    }
  };
  lower.sort(byImportance);
  const { violating, others } = splitByBudget(lower, budgets);
  reprieve(violating);
  const violations = victims.length;
  reprieve(others);
  for (const other of victims) trial.put(cycle, pod, other, node);
  if (violations > 0) victims.sort(byImportance);
  // all could stay: what kept the pod away was a promise to others
  if (victims.length === 0) return NO_VICTIMS;
  return newCandidate(node, victims, violations);
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
  if (Object.keys(pod.labels).length === 0) return false; // as upstream: whatever the selector is
  const selector = labels.fromLabelSelector(spec.selector);
  if (labels.isEverything(selector)) return false; // as upstream: an empty selector protects nothing here
  if (status?.disruptedPods?.[pod.pod.metadata.name] !== undefined) return false;
  return labels.matches(selector, pod.labels);
}

/** Upstream's order: fewest violations, least important victims, smallest sum, fewest victims, latest start. */
function byCost(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    a.highestPriority - b.highestPriority ||
    a.prioritySum - b.prioritySum ||
    a.victims.length - b.victims.length ||
    b.earliestStart - a.earliestStart
  );
}

function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || a.startMs - b.startMs;
}
