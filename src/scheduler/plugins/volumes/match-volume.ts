/** Which volume a claim could be bound to on a node. Pure. @module */
import { matchesNodeSelector } from "#api/core/v1/node-selector";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { compareQuantity, labels, parseQuantity } from "#apimachinery";
import type { NodeInfo } from "../../cache/node-info.ts";
import { classNameOf } from "./pod-claims.ts";

export function isReachable({ spec }: PersistentVolume, node: NodeInfo): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || matchesNodeSelector(terms, node);
}

/** The one that is kept for the claim, or the smallest that is large enough. */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: NodeInfo,
  isTaken: (volume: PersistentVolume) => boolean,
): PersistentVolume | undefined {
  const selector = claim.spec?.selector && labels.fromLabelSelector(claim.spec.selector);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const kept = isKeptFor(volume, claim);
    if (!kept && (volume.spec?.claimRef !== undefined || volume.status?.phase !== "Available")) continue;
    if (isTaken(volume) || !fits(volume, claim) || !isReachable(volume, node)) continue;
    if (kept) return volume;
    if (selector !== undefined && !labels.matches(selector, volume.metadata.labels)) continue;
    if (best === undefined || compareSizes(sizeOf(volume), sizeOf(best)) < 0) best = volume;
  }
  return best;
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

function isKeptFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { name, namespace, uid = "" } = spec?.claimRef ?? {};
  return name === metadata.name && namespace === metadata.namespace && (uid === "" || uid === metadata.uid);
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec = {} } = volume;
  const wanted = claim.spec ?? {};
  return (
    volume.metadata.deletionTimestamp === undefined &&
    classNameOf(volume) === classNameOf(claim) &&
    (spec.volumeMode ?? "Filesystem") === (wanted.volumeMode ?? "Filesystem") &&
    (spec.volumeAttributesClassName ?? "") === (wanted.volumeAttributesClassName ?? "") &&
    (wanted.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) === true) &&
    compareSizes(sizeOf(volume), wanted.resources?.requests?.["storage"] ?? "0") >= 0
  );
}

function sizeOf({ spec }: PersistentVolume): string {
  return spec?.capacity?.["storage"] ?? "0";
}

function compareSizes(a: string, b: string): number {
  return compareQuantity(parseQuantity(a), parseQuantity(b));
}
