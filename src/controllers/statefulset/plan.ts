/** The decisions of the StatefulSet controller, without clock, cache or network. @module */
import { scaledValueFromIntOrPercent } from "#apimachinery";
import type { StatefulSet, StatefulSetStatus } from "#api/apps/v1/types.gen";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import {
  claimNames,
  hasIdentity,
  hasStorage,
  isInRange,
  newStatefulPod,
  ordinalOf,
  ordinalRange,
  revisionOf,
} from "./identity.ts";
import { isStaleClaim, planClaimOwners } from "./retention.ts";
import type { Revisions } from "./status.ts";
import { isAvailable, isRunningAndReady, isTerminating, isUnavailable, planStatus } from "./status.ts";

/**
 * What to do with one pod. Claims that are missing are made with it wherever `create` or `claims` stands; `owners` are
 * those of its claims alone.
 */
export interface Step {
  readonly do: "create" | "delete" | "claims" | "owners" | "repair";
  readonly pod: Pod;
  readonly ordinal: number;
}

export interface Plan {
  /** In this order, one after the other unless `isParallel`. */
  readonly steps: readonly Step[];
  readonly isParallel: boolean;
  readonly status: StatefulSetStatus;
}

export interface Observed {
  /** All pods of the set, none of which is missing from the cache. */
  readonly pods: readonly Pod[];
  readonly claim: (name: string) => PersistentVolumeClaim | undefined;
  readonly revisions: Revisions;
  /** The set as it was at the current and as it is at the update revision. */
  readonly currentSet: StatefulSet;
  readonly updateSet: StatefulSet;
  readonly nowMs: number;
}

interface Member {
  readonly pod: Pod;
  readonly ordinal: number;
  readonly isNew: boolean;
}

/** Steps so far, and whether nothing more may follow in this reconcile. */
interface Progress {
  readonly steps: readonly Step[];
  readonly isBlocked: boolean;
}

const GO_ON: Progress = { steps: [], isBlocked: false };
const WAIT: Progress = { steps: [], isBlocked: true };

/** First every replica is there and well, then surplus pods go, then old ones are replaced. */
export function plan(set: StatefulSet, observed: Observed): Plan {
  const { pods, revisions, nowMs } = observed;
  const isParallel = set.spec?.podManagementPolicy === "Parallel";
  const replicas = replicasOf(set, observed);
  const condemned = condemnedOf(set, pods);
  const { steps, isBlocked } =
    set.metadata.deletionTimestamp !== undefined
      ? WAIT
      : scale(set, observed, replicas, condemned, isParallel);
  const gone = new Set(steps.filter((step) => step.do === "delete").map(({ pod }) => pod));
  const updates = isBlocked
    ? []
    : planUpdate(set, replicas, revisions.update, nowMs).filter(({ pod }) => !gone.has(pod));
  const leaving = updates.filter(({ pod }) => revisionOf(pod) === revisions.current).length;
  const status = planStatus(set, pods, revisions, leaving, nowMs);
  return { steps: [...steps, ...updates], isParallel, status };
}

/** One for each ordinal; where there is no pod, the one that is to be made. */
function replicasOf(set: StatefulSet, observed: Observed): readonly Member[] {
  const existing = new Map(observed.pods.map((pod) => [ordinalOf(set, pod), pod]));
  const { start, end } = ordinalRange(set);
  return Array.from({ length: end - start }, (_, i) => {
    const ordinal = start + i;
    const pod = existing.get(ordinal);
    if (pod !== undefined) return { pod, ordinal, isNew: false };
    return { pod: versionedPod(set, observed, ordinal), ordinal, isNew: true };
  });
}

/** Below the partition pods stay at the revision that they had. */
function versionedPod(set: StatefulSet, observed: Observed, ordinal: number): Pod {
  const { currentSet, updateSet, revisions } = observed;
  const { type = "RollingUpdate", rollingUpdate } = set.spec?.updateStrategy ?? {};
  const kept =
    rollingUpdate?.partition ?? (type === "RollingUpdate" ? (set.status?.currentReplicas ?? 0) : 0);
  const isKept = ordinal < ordinalRange(set).start + kept;
  return isKept
    ? newStatefulPod(currentSet, revisions.current, ordinal)
    : newStatefulPod(updateSet, revisions.update, ordinal);
}

/** The highest ordinal first. */
function condemnedOf(set: StatefulSet, pods: readonly Pod[]): readonly Member[] {
  return pods
    .map((pod) => ({ pod, ordinal: ordinalOf(set, pod) ?? -1, isNew: false }))
    .filter(({ ordinal }) => ordinal >= 0 && !isInRange(set, ordinal))
    .toSorted((a, b) => b.ordinal - a.ordinal);
}

function scale(
  set: StatefulSet,
  observed: Observed,
  replicas: readonly Member[],
  condemned: readonly Member[],
  isParallel: boolean,
): Progress {
  const { nowMs } = observed;
  const inOrder = [...replicas, ...condemned.toReversed()];
  const firstUnavailable = inOrder.find(({ pod, isNew }) => isNew || isUnavailable(set, pod, nowMs))?.pod;
  return forAll(isParallel, [
    ...replicas.map((member) => () => keep(set, observed, member, isParallel)),
    ...condemned.map((member) => () => fixOwners(set, observed, member)),
    ...condemned.map((member) => () => remove(set, member, firstUnavailable, isParallel, nowMs)),
  ]);
}

/** In order, the first that blocks ends it; in parallel nothing blocks. */
function forAll(isParallel: boolean, decisions: readonly (() => Progress)[]): Progress {
  const steps: Step[] = [];
  for (const decide of decisions) {
    const progress = decide();
    steps.push(...progress.steps);
    if (progress.isBlocked && !isParallel) return { steps, isBlocked: true };
  }
  return { steps, isBlocked: false };
}

function keep(set: StatefulSet, observed: Observed, member: Member, isParallel: boolean): Progress {
  const { pod, ordinal, isNew } = member;
  if (isNew) {
    const isStale = claimsOf(set, observed, ordinal).some((claim) => isStaleClaim(claim, set, pod));
    return isStale ? WAIT : { steps: [{ do: "create", pod, ordinal }], isBlocked: true };
  }
  const { phase } = pod.status ?? {};
  if (isTerminalPhase(phase)) {
    return isTerminating(pod) ? WAIT : { steps: [{ do: "delete", pod, ordinal }], isBlocked: true };
  }
  const isPending = phase === "Pending";
  const missing = claimNames(set, ordinal).some((name) => observed.claim(name) === undefined);
  const needsClaims = isPending && (missing || needsOwners(set, observed, member, true));
  const claims: readonly Step[] = needsClaims ? [{ do: "claims", pod, ordinal }] : [];
  const isHealthy = !isTerminating(pod) && isRunningAndReady(pod) && isAvailable(set, pod, observed.nowMs);
  if (!isHealthy && !isParallel) return { steps: claims, isBlocked: true };
  const isRight = hasIdentity(pod) && hasStorage(set, pod, ordinal) && !needsOwners(set, observed, member);
  const repair: readonly Step[] = isRight || needsClaims ? [] : [{ do: "repair", pod, ordinal }];
  return { steps: [...claims, ...repair], isBlocked: false };
}

function fixOwners(set: StatefulSet, observed: Observed, member: Member): Progress {
  const { pod, ordinal } = member;
  if (!needsOwners(set, observed, member)) return GO_ON;
  return { steps: [{ do: "owners", pod, ordinal }], isBlocked: false };
}

/** Claims of somebody else need none, but are to be told of while the pod waits (`isTold`). */
function needsOwners(
  set: StatefulSet,
  observed: Observed,
  { pod, ordinal }: Member,
  isTold: boolean = false,
): boolean {
  return claimsOf(set, observed, ordinal).some((claim) => {
    const { owners, isConflicting } = planClaimOwners(claim, set, pod, ordinal);
    return owners !== undefined || (isConflicting && isTold);
  });
}

function claimsOf(set: StatefulSet, { claim }: Observed, ordinal: number): readonly PersistentVolumeClaim[] {
  return claimNames(set, ordinal).flatMap((name) => claim(name) ?? []);
}

/** In order, a pod goes only when all before it are well; the first that is not may go itself. */
function remove(
  set: StatefulSet,
  { pod, ordinal }: Member,
  firstUnavailable: Pod | undefined,
  isParallel: boolean,
  nowMs: number,
): Progress {
  if (isTerminating(pod)) return WAIT;
  const isHealthy = isRunningAndReady(pod) && isAvailable(set, pod, nowMs);
  if (!isHealthy && !isParallel && pod !== firstUnavailable) return WAIT;
  return { steps: [{ do: "delete", pod, ordinal }], isBlocked: true };
}

/** Of a rolling update that says it; undefined: one at a time. */
export function maxUnavailableOf({ spec }: StatefulSet): number | undefined {
  const { type = "RollingUpdate", rollingUpdate } = spec?.updateStrategy ?? {};
  const value = rollingUpdate?.maxUnavailable;
  if (type !== "RollingUpdate" || value === undefined) return undefined;
  return Math.max(scaledValueFromIntOrPercent(value, spec?.replicas ?? 1, false), 1);
}

/** From the highest ordinal down to the partition: one at a time, or as many as `maxUnavailable` lets be missing. */
function planUpdate(
  set: StatefulSet,
  replicas: readonly Member[],
  update: string,
  nowMs: number,
): readonly Step[] {
  const { type = "RollingUpdate", rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type !== "RollingUpdate") return [];
  const isDown = ({ pod, isNew }: Member): boolean => isNew || isUnavailable(set, pod, nowMs);
  const { partition = 0 } = rollingUpdate ?? {};
  const allowed = maxUnavailableOf(set);
  const targets = replicas.slice(partition).toReversed();
  const isOld = ({ pod, isNew }: Member): boolean =>
    !isNew && revisionOf(pod) !== update && !isTerminating(pod);
  const toDelete = ({ pod, ordinal }: Member): Step => ({ do: "delete", pod, ordinal });
  if (allowed === undefined) {
    const next = targets.find((member) => isOld(member) || isDown(member));
    return next !== undefined && isOld(next) ? [toDelete(next)] : [];
  }
  const room = Math.max(allowed - replicas.filter(isDown).length, 0);
  return targets.filter(isOld).slice(0, room).map(toDelete);
}
