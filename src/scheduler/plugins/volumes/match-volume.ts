/** Which volume a claim could be bound to on a node. Pure. @module */
import { matchesNodeSelector } from "#api/core/v1/node-selector";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import {
  compareCapacity,
  hasAccessModes,
  hasAttributes,
  hasMode,
  isKeptFor,
  isLargeEnough,
} from "#api/core/v1/volume-match";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { labels } from "#apimachinery";
import type { NodeInfo } from "../../cache/node-info.ts";

export function isReachable({ spec }: PersistentVolume, node: NodeInfo): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || matchesNodeSelector(terms, node);
}

/** What a claim could be bound to, were its pod on the right node. */
export interface Candidates {
  /** For this claim and no other. */
  readonly kept: readonly PersistentVolume[];
  /** For whoever comes first, the smallest first. */
  readonly open: readonly PersistentVolume[];
}

/** Once for a pod: nodes are many, and so are volumes. */
export function candidatesFor(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
): Candidates {
  const selector = claim.spec?.selector && labels.fromLabelSelector(claim.spec.selector);
  const kept: PersistentVolume[] = [];
  const open: PersistentVolume[] = [];
  for (const volume of volumes) {
    const isKept = isKeptFor(volume, claim);
    if (!isKept && (volume.spec?.claimRef !== undefined || volume.status?.phase !== "Available")) continue;
    if (!fits(volume, claim)) continue;
    if (isKept) kept.push(volume);
    else if (
      (selector === undefined || labels.matches(selector, volume.metadata.labels)) &&
      hasAccessModes(volume, claim)
    )
      open.push(volume);
  }
  return { kept, open: open.toSorted(compareCapacity) };
}

/** The one that is kept for the claim, and if the node cannot reach that, none; or the smallest that is large enough. */
export function findVolume(
  { kept, open }: Candidates,
  node: NodeInfo,
  isTaken: (volume: PersistentVolume) => boolean,
): PersistentVolume | undefined {
  const own = kept.find((volume) => !isTaken(volume));
  if (own !== undefined) return isReachable(own, node) ? own : undefined;
  return open.find((volume) => isReachable(volume, node) && !isTaken(volume));
}

/** Whether a volume could be made for the claim where the node is. */
export function canProvision({ provisioner, allowedTopologies }: StorageClass, node: NodeInfo): boolean {
  if (provisioner === "" || provisioner === NO_PROVISIONER) return false;
  if (allowedTopologies === undefined || allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(node.labels[key] ?? "")),
  );
}

const NO_PROVISIONER = "kubernetes.io/no-provisioner";

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (
    volume.metadata.deletionTimestamp === undefined &&
    storageClassOf(volume) === storageClassOf(claim) &&
    hasMode(volume, claim) &&
    hasAttributes(volume, claim) &&
    isLargeEnough(volume, claim)
  );
}
