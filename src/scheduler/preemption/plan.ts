/** The decision of preemption: on which node, at whose cost, a pod gets room. Leaves the nodes as it found them. @module */
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Cycle, Framework } from "../framework/framework.ts";
import type { Snapshot } from "../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../framework/status.ts";

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
const NO_VICTIMS = unschedulable(NAME, "No preemption victims found for incoming pod");
const NOT_HELPFUL = unresolvable(NAME, "Preemption is not helpful for scheduling");

export function plan(
  framework: Framework,
  pod: PodInfo,
  cycle: Cycle,
  refused: ReadonlyMap<string, Status>,
  snapshot: Snapshot,
  budgets: readonly PodDisruptionBudget[],
): PreemptionPlan {
  const statuses: Status[] = [];
  const candidates: Candidate[] = [];
  for (const [name, status] of refused) {
    const node = snapshot.get(name);
    if (node === undefined || status.code === "UnschedulableAndUnresolvable") {
      statuses.push(NOT_HELPFUL);
      continue;
    }
    const candidate = dryRun(framework, pod, cycle, node, budgets);
    if (candidate === undefined) statuses.push(NO_VICTIMS);
    else candidates.push(candidate);
  }
  const best = candidates.toSorted(byCost)[0];
  return best === undefined ? { kind: "none", statuses } : { kind: "preempt", candidate: best };
}

/** Takes every less important pod away, and gives back as many as fit, the most important ones first. */
function dryRun(
  framework: Framework,
  pod: PodInfo,
  cycle: Cycle,
  node: NodeInfo,
  budgets: readonly PodDisruptionBudget[],
): Candidate | undefined {
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return undefined;
  const remove = (other: PodInfo): void => {
    node.remove(other.uid);
    framework.removePod(cycle, pod, other, node);
  };
  const restore = (other: PodInfo): void => {
    node.add(other);
    framework.addPod(cycle, pod, other, node);
  };
  for (const other of lower) remove(other);
  const isHopeless = framework.filter(cycle, pod, node) !== undefined;
  const victims: PodInfo[] = [];
  let violations = 0;
  const { violating, others } = splitByBudget(lower.toSorted(byImportance), budgets);
  for (const [group, violates] of [
    [violating, true],
    [others, false],
  ] as const) {
    for (const other of group) {
      restore(other);
      if (isHopeless || framework.filter(cycle, pod, node) === undefined) continue;
      remove(other);
      victims.push(other);
      if (violates) violations++;
    }
  }
  for (const other of victims) restore(other);
  if (isHopeless || victims.length === 0) return undefined;
  return { node, victims: victims.toSorted(byImportance), violations };
}

/** Pods whose eviction a budget would not allow, given those before them in the list. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
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
  if (status?.disruptedPods?.[pod.pod.metadata.name] !== undefined) return false;
  return labels.matches(labels.fromLabelSelector(spec.selector), pod.labels);
}

/** Upstream's order: fewest violations, least important victims, smallest sum, fewest victims, latest start. */
function byCost(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    startOf(b.victims[0]!) - startOf(a.victims[0]!)
  );
}

function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b);
}

const highest = ({ victims }: Candidate): number => victims[0]!.priority;
/** Shifted, so that many small negative priorities do not look cheap. */
const sum = ({ victims }: Candidate): number =>
  victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);

function startOf({ pod }: PodInfo): number {
  const time = pod.status?.startTime;
  return time === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(time);
}
