/** Disks that one pod at a time can have, unless all only read: those of the in-tree drivers that pods name themselves. @module */
import type { Pod, Volume } from "#api/core/v1/types.gen";

export function hasExclusiveDisk({ spec }: Pod): boolean {
  return (spec?.volumes ?? []).some(isExclusive);
}

/** Whether both pods cannot be on one node. */
export function diskConflict(a: Pod, b: Pod): boolean {
  const others = (b.spec?.volumes ?? []).filter(isExclusive);
  return (
    others.length > 0 &&
    (a.spec?.volumes ?? []).some((volume) => others.some((other) => conflict(volume, other)))
  );
}

function isExclusive({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean {
  return (
    gcePersistentDisk !== undefined ||
    awsElasticBlockStore !== undefined ||
    rbd !== undefined ||
    iscsi !== undefined
  );
}

function conflict(a: Volume, b: Volume): boolean {
  if (a.gcePersistentDisk !== undefined && b.gcePersistentDisk !== undefined) {
    const [one, other] = [a.gcePersistentDisk, b.gcePersistentDisk];
    if (one.pdName === other.pdName && !bothRead(one, other)) return true;
  }
  if (a.awsElasticBlockStore?.volumeID !== undefined)
    if (a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true;
  if (a.iscsi !== undefined && b.iscsi !== undefined)
    if (a.iscsi.iqn === b.iscsi.iqn && !bothRead(a.iscsi, b.iscsi)) return true;
  if (a.rbd === undefined || b.rbd === undefined) return false;
  const [one, other] = [a.rbd, b.rbd];
  return (
    one.monitors.some((monitor) => other.monitors.includes(monitor)) &&
    (one.pool ?? "rbd") === (other.pool ?? "rbd") &&
    one.image === other.image &&
    !bothRead(one, other)
  );
}

function bothRead(a: { readonly readOnly?: boolean }, b: { readonly readOnly?: boolean }): boolean {
  return a.readOnly === true && b.readOnly === true;
}
