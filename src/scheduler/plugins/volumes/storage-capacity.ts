/** Whether a driver that tells how much storage it has left has enough of it where a node is (KEP-1472). @module */
import type { PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { CSIStorageCapacity, StorageClass } from "#api/storage/v1/types.gen";
import { compareAmounts, labels } from "#apimachinery";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { VolumeListers } from "./pod-claims.ts";

export function hasEnoughCapacity(
  claim: PersistentVolumeClaim,
  { metadata, provisioner }: StorageClass,
  node: NodeInfo,
  { csiDrivers, capacities }: Pick<VolumeListers, "csiDrivers" | "capacities">,
): boolean {
  const size = claim.spec?.resources?.requests?.["storage"];
  if (size === undefined || csiDrivers.get(provisioner)?.spec.storageCapacity !== true) return true;
  return capacities
    .list()
    .some(
      (capacity) =>
        capacity.storageClassName === metadata.name && isSufficient(capacity, size) && isFor(capacity, node),
    );
}

function isSufficient({ maximumVolumeSize, capacity }: CSIStorageCapacity, size: string): boolean {
  const limit = maximumVolumeSize ?? capacity;
  return limit !== undefined && compareAmounts(limit, size) >= 0;
}

/** Without a topology it is nowhere. */
function isFor({ nodeTopology }: CSIStorageCapacity, node: NodeInfo): boolean {
  return labels.matches(labels.fromLabelSelector(nodeTopology), node.labels);
}
