/** One step of a rolling update. @module */
import type { Deployment } from "#api/apps/v1/types.gen";
import { desiredOf, isRollingUpdate, maxSurge, maxUnavailable } from "./fenceposts.ts";
import type { Draft } from "./replica-sets.ts";
import { totalReplicas } from "./replica-sets.ts";

/** Scales up the current ReplicaSet if it may grow; otherwise takes down what old ones can spare. */
export function rollForward(d: Deployment, current: Draft, old: readonly Draft[]): "scaled" | "unchanged" {
  const isScaledUp = current.scale(d, newReplicas(d, current, old));
  if (isScaledUp) return "scaled";
  return scaleDownOld(d, current, old) ? "scaled" : "unchanged";
}

/** How many replicas the current ReplicaSet should have now: never more in all than desired plus surge. */
export function newReplicas(d: Deployment, current: Draft, old: readonly Draft[]): number {
  const desired = desiredOf(d);
  if (!isRollingUpdate(d) || current.replicas >= desired) return desired;
  // Not the resolved surge, which may lend one to unavailability, but the one that was asked for: the same number here.
  const room = desired + maxSurge(d) - totalReplicas([...old, current]);
  return room <= 0 ? current.replicas : current.replicas + Math.min(room, desired - current.replicas);
}

/** Pods that are not available go first: they serve nobody. Then as many as availability allows. */
function scaleDownOld(d: Deployment, current: Draft, old: readonly Draft[]): boolean {
  if (totalReplicas(old) === 0) return false;
  const minAvailable = desiredOf(d) - maxUnavailable(d);
  const unavailableNew = current.replicas - current.available;
  const spare = totalReplicas([...old, current]) - minAvailable - unavailableNew;
  if (spare <= 0) return false;

  const cleaned = takeDown(d, old, spare, (draft) => draft.replicas - draft.available);
  const available = [...old, current].reduce((sum, draft) => sum + draft.available, 0);
  const taken = takeDown(d, old, available - minAvailable, (draft) => draft.replicas);
  return cleaned + taken > 0;
}

/** Takes up to `count` replicas from the drafts in order, `ofEach` at most; returns how many. */
function takeDown(
  d: Deployment,
  drafts: readonly Draft[],
  count: number,
  ofEach: (draft: Draft) => number,
): number {
  let taken = 0;
  for (const draft of drafts) {
    const some = Math.min(count - taken, ofEach(draft), draft.replicas);
    if (some <= 0) continue;
    draft.scale(d, draft.replicas - some);
    taken += some;
  }
  return taken;
}
