/** The decisions of the DaemonSet controller, without clock, cache or network. @module */
import type { DaemonSet, DaemonSetStatus } from "#api/apps/v1/types.gen";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { nonZero } from "../counts.ts";
import { creationOrder } from "../creation-order.ts";
import { isPodReady, isPodTerminal, podAvailableInMs } from "#api/core/v1/pod-state";
import { eligibility, nodeNameOf, REVISION_HASH } from "./eligible.ts";
import type { Place, Plan } from "./place.ts";
import { isAvailable } from "./place.ts";
import { planRollingUpdate } from "./rolling.ts";

/** Creations, and deletions, of one reconcile. */
export const BURST_REPLICAS = 250;

/** Every node, and every node that a pod names. Pods that ended and are being deleted are not looked at any more. */
export function placesOf(ds: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): readonly Place[] {
  const named = pods.filter(
    (pod) => nodeNameOf(pod) !== undefined && !(isPodTerminal(pod) && isTerminating(pod)),
  );
  const byNode = Map.groupBy(named, (pod) => nodeNameOf(pod)!);
  const places = nodes.map((node) => {
    const { name } = node.metadata;
    const own = byNode.get(name) ?? [];
    byNode.delete(name);
    return { node: name, isGone: false, pods: own.toSorted(byPrecedence), ...eligibility(ds, node) };
  });
  const stray = [...byNode].map(([node, own]) => ({
    node,
    isGone: true,
    pods: own,
    shouldRun: false,
    shouldContinue: false,
  }));
  return [...places, ...stray];
}

/**
 * `mayReplace` says whether a pod that ended on a node may be replaced already.
 * First every node gets what it should have, nothing else; when that is so, the update goes on.
 */
export function plan(
  ds: DaemonSet,
  places: readonly Place[],
  hash: string,
  nowMs: number,
  mayReplace: (node: string) => boolean = () => true,
): Plan {
  const managed = manage(ds, places, hash, nowMs, mayReplace);
  const isQuiet = managed.create.length + managed.remove.length === 0;
  const isRolling = (ds.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
  const { create, remove, failed } =
    isQuiet && isRolling ? planRollingUpdate(ds, places, hash, nowMs) : managed;
  return { create: create.slice(0, BURST_REPLICAS), remove: remove.slice(0, BURST_REPLICAS), failed };
}

function manage(
  ds: DaemonSet,
  places: readonly Place[],
  hash: string,
  nowMs: number,
  mayReplace: (node: string) => boolean,
): Plan {
  const create: string[] = [];
  const remove: Pod[] = [];
  const failed: Pod[] = [];
  for (const { node, isGone, pods, shouldRun, shouldContinue } of places) {
    const living = pods.filter((pod) => !isTerminating(pod));
    if (!shouldContinue) {
      // Pods that ran on a node that is gone are the pod garbage collector's.
      remove.push(...(isGone ? living.filter((pod) => !isBound(pod)) : living));
      continue;
    }
    const running = living.filter((pod) => !isPodTerminal(pod));
    const mayStart = pods.length === 0 || (surges(ds) && running.length === 0);
    if (shouldRun && mayStart) create.push(node);
    const isOver = ({ status }: Pod): boolean => status?.phase === "Succeeded" || mayReplace(node);
    const ended = living.filter((pod) => isPodTerminal(pod) && isOver(pod));
    remove.push(...ended, ...excess(ds, running, hash, nowMs));
    failed.push(...ended);
  }
  return { create, remove, failed };
}

function surges({ spec }: DaemonSet): boolean {
  const surge = spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  return surge !== 0 && surge !== "0%";
}

/** The oldest stays; while an update surges, the oldest of either revision, until the new one is available. */
function excess(ds: DaemonSet, running: readonly Pod[], hash: string, nowMs: number): readonly Pod[] {
  if (!surges(ds)) return running.slice(1);
  const isNew = ({ metadata }: Pod): boolean => metadata.labels?.[REVISION_HASH] === hash;
  const fresh = running.find(isNew);
  const old = running.find((pod) => !isNew(pod));
  const rest = running.filter((pod) => pod !== fresh && pod !== old);
  const isReplaced =
    fresh !== undefined && old !== undefined && (!isPodReady(old) || isAvailable(ds, fresh, nowMs));
  return isReplaced ? [...rest, old] : rest;
}

/** When a ready pod becomes available by the mere passing of time, in ms from `nowMs`. */
export function nextAvailabilityInMs(ds: DaemonSet, pods: readonly Pod[], nowMs: number): number | undefined {
  const waits = pods.map((pod) => podAvailableInMs(pod, ds.spec?.minReadySeconds ?? 0, nowMs));
  const positive = waits.filter((ms): ms is number => ms !== undefined && ms > 0);
  return positive.length === 0 ? undefined : Math.min(...positive);
}

export function planStatus(
  ds: DaemonSet,
  places: readonly Place[],
  hash: string,
  nowMs: number,
): DaemonSetStatus {
  const desired = places.filter(({ shouldRun }) => shouldRun);
  const scheduled = desired.filter(({ pods }) => pods.length > 0);
  const first = scheduled.map(({ pods }) => pods[0]!);
  const available = first.filter((pod) => isAvailable(ds, pod, nowMs)).length;
  const updated = first.filter(({ metadata }) => metadata.labels?.[REVISION_HASH] === hash);
  const { collisionCount, conditions } = ds.status ?? {};
  return {
    desiredNumberScheduled: desired.length,
    currentNumberScheduled: scheduled.length,
    numberMisscheduled: places.filter(
      ({ shouldRun, isGone, pods }) => !shouldRun && !isGone && pods.length > 0,
    ).length,
    numberReady: first.filter(isPodReady).length,
    ...nonZero({
      observedGeneration: ds.metadata.generation ?? 0,
      updatedNumberScheduled: updated.length,
      numberAvailable: available,
      numberUnavailable: desired.length - available,
    }),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions !== undefined && { conditions }),
  };
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function isBound({ spec }: Pod): boolean {
  return (spec?.nodeName ?? "") !== "";
}

function byPrecedence(a: Pod, b: Pod): number {
  if (isBound(a) !== isBound(b)) return isBound(a) ? -1 : 1;
  return creationOrder(a) < creationOrder(b) ? -1 : 1;
}
