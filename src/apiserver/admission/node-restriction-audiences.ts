/** For whom a pod's node may ask tokens: what the pod projects, and what the CSI drivers of its volumes ask for. Pure but for the lookup. @module */
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";

export function podAsksForAudience(pod: Pod, audience: string, lookup: Pick<ObjectLookup, "get">): boolean {
  return (pod.spec?.volumes ?? []).some(
    (volume) => projects(volume, audience) || driverAsks(driverOf(pod, volume, lookup), audience, lookup),
  );
}

function projects({ projected }: Volume, audience: string): boolean {
  return (projected?.sources ?? []).some(
    ({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? "") === audience,
  );
}

/** The CSI driver behind the volume, by its claim where it has one. */
function driverOf(
  { metadata }: Pod,
  { name, csi, ephemeral, persistentVolumeClaim }: Volume,
  lookup: Pick<ObjectLookup, "get">,
): string | undefined {
  if (csi !== undefined) return csi.driver;
  const claimName = ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${name}`;
  if (claimName === undefined) return undefined;
  const claim = lookup.get("core/persistentvolumeclaims", metadata.namespace ?? "", claimName);
  const { volumeName = "" } = (claim as PersistentVolumeClaim | undefined)?.spec ?? {};
  if (volumeName === "") return undefined;
  const volume = lookup.get("core/persistentvolumes", "", volumeName);
  return (volume as PersistentVolume | undefined)?.spec?.csi?.driver;
}

function driverAsks(
  driver: string | undefined,
  audience: string,
  lookup: Pick<ObjectLookup, "get">,
): boolean {
  if (driver === undefined) return false;
  const object = lookup.get("storage.k8s.io/csidrivers", "", driver) as CSIDriver | undefined;
  return (object?.spec.tokenRequests ?? []).some((request) => request.audience === audience);
}
