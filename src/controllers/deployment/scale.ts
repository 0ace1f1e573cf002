/** Resizing a Deployment whose template does not change, or whose rollout is paused. @module */
import type { Deployment } from "#api/apps/v1/types.gen";
import { countAnnotation, DESIRED_REPLICAS, MAX_REPLICAS } from "./annotations.ts";
import { desiredOf, isRollingUpdate, maxSurge } from "./fenceposts.ts";
import type { Draft } from "./replica-sets.ts";
import { byCreation, isActive, totalReplicas } from "./replica-sets.ts";

/**
 * Someone changed `spec.replicas` since the ReplicaSets were last scaled. With Recreate nobody shares such a change among
 * several active ReplicaSets (a strategy that changed within a rollout leaves them): the rollout takes them all down.
 */
export function isScalingEvent(d: Deployment, drafts: readonly Draft[]): boolean {
  if (!isRollingUpdate(d) && drafts.filter(isActive).length > 1) return false;
  return drafts.filter(isActive).some(({ desired }) => {
    const noted = countAnnotation(desired, DESIRED_REPLICAS);
    return noted !== undefined && noted !== desiredOf(d);
  });
}

/**
 * One ReplicaSet takes the whole change; a finished rollout empties the old ones; several that are in the middle of a
 * rollout share the change in proportion to their sizes.
 */
export function scale(d: Deployment, current: Draft | undefined, old: readonly Draft[]): void {
  const single = activeOrLatest(current, old);
  if (single !== undefined) {
    single.scale(d, desiredOf(d));
    return;
  }
  if (current !== undefined && isSaturated(d, current)) {
    for (const draft of old.filter(isActive)) draft.scale(d, 0);
    return;
  }
  if (isRollingUpdate(d)) scaleInProportion(d, current === undefined ? old : [...old, current]);
}

/** Undefined when several have replicas. */
function activeOrLatest(current: Draft | undefined, old: readonly Draft[]): Draft | undefined {
  const active = [...old, ...(current === undefined ? [] : [current])].filter(isActive);
  if (active.length > 1) return undefined;
  return active[0] ?? current ?? old.at(-1);
}

function isSaturated(d: Deployment, current: Draft): boolean {
  const desired = desiredOf(d);
  const noted = countAnnotation(current.desired, DESIRED_REPLICAS);
  return current.replicas === desired && noted === desired && current.available === desired;
}

/** The largest go first and take what rounding leaves; among equals the newer grow and the older shrink. */
function scaleInProportion(d: Deployment, all: readonly Draft[]): void {
  const active = all.filter(isActive);
  const allowed = desiredOf(d) > 0 ? desiredOf(d) + maxSurge(d) : 0;
  const toAdd = allowed - totalReplicas(active);
  const age = toAdd > 0 ? -1 : 1;
  const ordered =
    toAdd === 0
      ? active
      : active.toSorted((a, b) => b.replicas - a.replicas || age * byCreation(a.desired, b.desired));
  let added = 0;
  const sizes = ordered.map((draft) => {
    const share = proportion(d, draft, toAdd, added);
    added += share;
    return draft.replicas + share;
  });
  if (toAdd !== 0 && sizes.length > 0) sizes[0] = Math.max(sizes[0]! + toAdd - added, 0);
  for (const [i, draft] of ordered.entries()) draft.scale(d, sizes[i]!, true);
}

function proportion(d: Deployment, draft: Draft, toAdd: number, added: number): number {
  if (draft.replicas === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fraction(d, draft);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}

/** By how much the ReplicaSet would grow if it kept its part of the whole. */
function fraction(d: Deployment, draft: Draft): number {
  if (desiredOf(d) === 0) return -draft.replicas;
  const before = countAnnotation(draft.desired, MAX_REPLICAS) || (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (draft.replicas * (desiredOf(d) + maxSurge(d))) / before;
  return Math.trunc(size + 0.5) - draft.replicas;
}
