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

/** Every node, and every node that a pod names. */
export function placesOf(ds: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): readonly Place[] {
  const byNode = Map.groupBy(pods, (pod) => nodeNameOf(pod) ?? "");
  const places = nodes.map((node) => {
    const { name } = node.metadata;
    const own = byNode.get(name) ?? [];
    byNode.delete(name);
    return { node: name, pods: own.toSorted(byCreation), ...eligibility(ds, node) };
  });
  const stray = [...byNode].map(([node, own]) => ({
    node,
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
  for (const { node, pods, shouldRun, shouldContinue } of places) {
    const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (!shouldContinue) {
      remove.push(...living);
      continue;
    }
    if (shouldRun && pods.length === 0) create.push(node);
    const ended = living.filter(isPodTerminal);
    const running = living.filter((pod) => !ended.includes(pod));
    const gone = ended.length > 0 && mayReplace(node) ? ended : [];
    remove.push(...gone, ...excess(ds, running, hash, nowMs));
    failed.push(...gone);
  }
  return { create, remove, failed };
}

/** The oldest stays; while an update surges, the oldest of either revision, until the new one is available. */
function excess(ds: DaemonSet, running: readonly Pod[], hash: string, nowMs: number): readonly Pod[] {
  const surge = ds.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  if (surge === 0 || surge === "0%") return running.slice(1);
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
  const updated = scheduled.filter(({ pods }) =>
    pods.some(({ metadata }) => metadata.labels?.[REVISION_HASH] === hash),
  );
  const { collisionCount, conditions } = ds.status ?? {};
  return {
    desiredNumberScheduled: desired.length,
    currentNumberScheduled: scheduled.length,
    numberMisscheduled: places.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
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

function byCreation(a: Pod, b: Pod): number {
  return creationOrder(a) < creationOrder(b) ? -1 : 1;
}
