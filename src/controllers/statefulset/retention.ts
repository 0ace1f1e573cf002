/** Who owns the claims of a StatefulSet's pods, as its persistentVolumeClaimRetentionPolicy says. @module */
import type { GroupVersionKind, KubeObject, OwnerReference } from "#apimachinery";
import { apiVersionOf } from "#apimachinery";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { newControllerRef } from "../controller-ref-manager.ts";
import { equalJSON } from "../template-hash.ts";
import { isInRange } from "./identity.ts";

interface Policy {
  readonly deletesWithSet: boolean;
  readonly deletesWithPod: boolean;
}

export function policyOf({ spec }: StatefulSet): Policy {
  const { whenDeleted, whenScaled } = spec?.persistentVolumeClaimRetentionPolicy ?? {};
  return { deletesWithSet: whenDeleted === "Delete", deletesWithPod: whenScaled === "Delete" };
}

/** The owners that the policy asks for: the pod once it is beyond the set's size, the set until then. */
export function ownersByPolicy(
  set: StatefulSet,
  pod: Pod | undefined,
  ordinal: number,
): readonly OwnerReference[] {
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  const isCondemned = !isInRange(set, ordinal);
  if (deletesWithPod && isCondemned) return pod === undefined ? [] : [newControllerRef(pod, Pods)];
  return deletesWithSet ? [newControllerRef(set, StatefulSets)] : [];
}

export interface ClaimOwners {
  /** What the claim's owners should become; undefined: they are right, or not ours to touch. */
  readonly owners: readonly OwnerReference[] | undefined;
  /** Someone else controls the claim, so the policy cannot be kept. */
  readonly isConflicting: boolean;
}

export function planClaimOwners(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Pod,
  ordinal: number,
): ClaimOwners {
  const refs = claim.metadata.ownerReferences ?? [];
  // A former set or pod of this name: garbage collection will take the claim.
  if (hasStaleRef(claim, set, StatefulSets) || hasStaleRef(claim, pod, Pods))
    return { owners: undefined, isConflicting: false };
  const isOurs = (ref: OwnerReference): boolean => names(ref, set, StatefulSets) || names(ref, pod, Pods);
  const others = refs.filter((ref) => !isOurs(ref));
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  const keepsAll = !deletesWithSet && !deletesWithPod;
  const isConflicting = !keepsAll && others.some(({ controller }) => controller === true);
  const owners = isConflicting ? others : [...others, ...ownersByPolicy(set, pod, ordinal)];
  const isRight = equalJSON(owners.map(essence).toSorted(), refs.map(essence).toSorted());
  return { owners: isRight ? undefined : owners, isConflicting };
}

/** A claim that awaits collection with the pod that had this name before: a new pod must not use it. */
export function isStaleClaim(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  return policyOf(set).deletesWithPod && hasStaleRef(claim, pod, Pods);
}

function hasStaleRef(claim: KubeObject, owner: KubeObject, kind: GroupVersionKind): boolean {
  const ref = claim.metadata.ownerReferences?.find((candidate) => names(candidate, owner, kind));
  return ref !== undefined && ref.uid !== owner.metadata.uid;
}

function names(ref: OwnerReference, { metadata }: KubeObject, kind: GroupVersionKind): boolean {
  return ref.apiVersion === apiVersionOf(kind) && ref.kind === kind.kind && ref.name === metadata.name;
}

/** In any order. */
function essence({ uid, controller = false }: OwnerReference): string {
  return `${uid} ${controller}`;
}
