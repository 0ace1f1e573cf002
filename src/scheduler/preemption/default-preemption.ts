/** DefaultPreemption: whether a pod that fits nowhere may send less important ones away, and whom. @module */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pod } from "#api/core/v1/types.gen";
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import type { Lister } from "#client";
import type { PodInfo } from "../cache/pod-info.ts";
import type { DefaultPreemptionArgs } from "../config/types.ts";
import { askAboutPreemption } from "../extender/ask-extenders.ts";
import { fitErrorMessage } from "../fit-error.ts";
import type { Handle } from "../framework/handle.ts";
import type { Cycle, Plugin, PostFilterResult, RefusedNodes, Snapshot } from "../framework/plugin.ts";
import { unschedulable } from "../framework/status.ts";
import { isTerminatingByPreemption } from "../pod-conditions.ts";
import { evict, takePromisesBack } from "./evict.ts";
import {
  findCandidates,
  NOT_HELPFUL,
  selectCandidate,
  type Candidate,
  type CandidatesFound,
  type Slices,
} from "./plan.ts";

const NAME = "DefaultPreemption";
/** A search that finds nothing tries every node: it lets go of the event loop after so long. */
const SLICE_MS = 5;

export function defaultPreemption(
  args: DefaultPreemptionArgs,
  handle: Handle,
  budgets: Lister<PodDisruptionBudget>,
  pods: Lister<Pod>,
): Plugin {
  return {
    name: NAME,
    postFilter(cycle, pod, refused, snapshot, signal) {
      handle.metrics?.inc("scheduler_preemption_attempts_total", {});
      const why = notEligible(pod, handle, refused, snapshot);
      if (why !== undefined) return { status: said(`not eligible due to ${why}.`) };
      const nodes = snapshot.nodes.length;
      const found = candidatesFor(pod, cycle, refused, snapshot);
      if (!(found instanceof Promise)) return decide(pod, found, nodes, signal);
      return found.then((later) => {
        signal.throwIfAborted();
        return isGone(pod) ? { status: said("the pod is gone") } : decide(pod, later, nodes, signal);
      });
    },
  };

  function decide(
    pod: PodInfo,
    found: CandidatesFound,
    nodes: number,
    signal: AbortSignal,
  ): PostFilterResult | Promise<PostFilterResult> {
    if (found.candidates.length === 0) return noCandidate(found, nodes);
    if (!handle.extenders.some(({ supportsPreemption }) => supportsPreemption))
      return preempt(handle, pod, found.candidates);
    return withExtenders(pod, found.candidates, signal);
  }

  function candidatesFor(
    pod: PodInfo,
    cycle: Cycle | undefined,
    refused: RefusedNodes,
    snapshot: Snapshot,
  ): CandidatesFound | Promise<CandidatesFound> {
    if (cycle === undefined) return { candidates: [], statuses: [] };
    const slices = newSlices(handle, snapshot);
    return findCandidates(handle, pod, cycle, refused, budgets.list(), handle.random, args, slices);
  }

  /** Nothing may be promised to it then: nobody would take the promise back. */
  function isGone({ key, uid }: PodInfo): boolean {
    return pods.get(key)?.metadata.uid !== uid;
  }

  async function withExtenders(
    pod: PodInfo,
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<PostFilterResult> {
    const left = await askAboutPreemption(handle.extenders, pod, candidates);
    signal.throwIfAborted();
    if (isGone(pod)) return { status: said("the pod is gone") };
    if (left.length === 0) return { status: said("no candidate node for preemption") };
    return preempt(handle, pod, left);
  }
}

/** The promise is made at once; the victims go while other pods are tried. */
function preempt(handle: Handle, pod: PodInfo, candidates: readonly Candidate[]): PostFilterResult {
  const candidate = selectCandidate(candidates);
  const { nominated, metrics, clock } = handle;
  const { name } = candidate.node;
  const outdone = nominated
    .on(name)
    .filter((other) => other.priority < pod.priority && other.uid !== pod.uid);
  nominated.set(pod, name, candidate.victims);
  for (const other of outdone) nominated.delete(other.uid);
  metrics?.observe("scheduler_preemption_victims", {}, candidate.victims.length);
  const underWay = async (signal: AbortSignal): Promise<void> => {
    const startMs = clock.monotonicMs();
    const done = (result: "success" | "error"): void => {
      const seconds = (clock.monotonicMs() - startMs) / 1_000;
      metrics?.inc("scheduler_preemption_goroutines_execution_total", { result });
      metrics?.observe("scheduler_preemption_goroutines_duration_seconds", { result }, seconds);
    };
    try {
      await Promise.all([takePromisesBack(handle, outdone, signal), evict(handle, candidate, pod, signal)]);
    } catch (err) {
      nominated.set(pod, name); // without victims: it may choose again
      done("error");
      throw err;
    }
    done("success");
    handle.activate(outdone.map(({ uid }) => uid));
  };
  return { status: undefined, nominatedNodeName: name, underWay };
}

function said(message: string): ReturnType<typeof unschedulable> {
  return unschedulable(NAME, `preemption: ${message}`);
}

function newSlices({ clock }: Handle, snapshot: Snapshot): Slices {
  let endMs = clock.monotonicMs() + SLICE_MS;
  return {
    isOver: () => clock.monotonicMs() >= endMs,
    async next() {
      await nextTurn();
      endMs = clock.monotonicMs() + SLICE_MS;
    },
    isGone: (node) => snapshot.get(node.name) !== node,
  };
}

function noCandidate({ statuses }: CandidatesFound, nodes: number): PostFilterResult {
  const absent = { nodes: nodes - statuses.length, status: NOT_HELPFUL };
  const message = fitErrorMessage({ nodes, statuses, absent }, "");
  return { status: said(message), nominatedNodeName: "" };
}

function notEligible(
  pod: PodInfo,
  { nominated }: Handle,
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
