/** Which volume fits a claim; upstream's `FindMatchingVolume`. @module */
import { matchesNodeSelector, selectableNode } from "#api/core/v1/node-selector";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import {
  compareCapacity,
  hasAccessModes,
  hasAttributes,
  hasMode,
  isKeptFor,
  isLargeEnough,
} from "#api/core/v1/volume-match";
import { selectorPredicate } from "../selector.ts";

export interface MatchOptions {
  /** Where the claim's pod runs, if that is known. */
  readonly node?: Node;
  /** Without a node nothing is chosen; only a volume that is kept for the claim is taken. */
  readonly isDelayed: boolean;
}

/** A volume that is kept for the claim, or else the smallest available one that is large enough. */
export function findMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, isDelayed }: MatchOptions,
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => fits(volume, claim));
  const kept = fitting.find((volume) => isKeptFor(volume, claim));
  if (kept !== undefined) return node === undefined || isReachable(kept, node) ? kept : undefined;
  if (node === undefined && isDelayed) return undefined;
  const { selector } = claim.spec ?? {};
  const isSelected = selector === undefined ? () => true : selectorPredicate(selector);
  const candidates = fitting.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      volume.status?.phase === "Available" &&
      isSelected(volume.metadata.labels) &&
      storageClassOf(volume) === storageClassOf(claim) &&
      hasAccessModes(volume, claim) &&
      (node === undefined || isReachable(volume, node)),
  );
  return candidates.toSorted((a, b) => compareCapacity(a, b) || tightness(a) - tightness(b))[0];
}

/** What even a volume that is kept for the claim must fulfil. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const isFree = volume.spec?.claimRef === undefined || isKeptFor(volume, claim);
  const isAlive = volume.metadata.deletionTimestamp === undefined;
  return (
    isFree &&
    isAlive &&
    isLargeEnough(volume, claim) &&
    hasMode(volume, claim) &&
    hasAttributes(volume, claim)
  );
}

/** Upstream's `checkVolumeSatisfyClaim`: why a volume that the claim names cannot be bound; undefined when it can. */
export function whyNot(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (!isLargeEnough(volume, claim)) return "requested PV is too small";
  if (storageClassOf(volume) !== storageClassOf(claim)) return "storageClassName does not match";
  if (!hasAttributes(volume, claim)) return "volumeAttributesClassName does not match";
  if (!hasMode(volume, claim)) return "incompatible volumeMode";
  return hasAccessModes(volume, claim) ? undefined : "incompatible accessMode";
}

export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required.nodeSelectorTerms, selectableNode(node));
}

/** Of equal size, volumes with fewer access modes go first. */
function tightness({ spec }: PersistentVolume): number {
  return spec?.accessModes?.length ?? 0;
}
