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
      (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) === true)
    )
      open.push(volume);
  }
  return { kept, open: open.toSorted((a, b) => compareSizes(sizeOf(a), sizeOf(b))) };
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
    compareSizes(sizeOf(volume), wanted.resources?.requests?.["storage"] ?? "0") >= 0
  );
}

function sizeOf({ spec }: PersistentVolume): string {
  return spec?.capacity?.["storage"] ?? "0";
}

function compareSizes(a: string, b: string): number {
  return compareQuantity(parseQuantity(a), parseQuantity(b));
}
