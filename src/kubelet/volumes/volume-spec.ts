/** What a volume of a pod stands for: its own source, or the PersistentVolume behind its claim. @module */
import type { Client } from "#client";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#api/core/v1/types.gen";
import { allContainersOf, specOf } from "../container/pod-spec.ts";

export interface VolumeSpec {
  /** The PersistentVolume's name, else the pod's own name of it: what messages and folders call it. */
  readonly name: string;
  readonly volume: Volume;
  readonly claim?: PersistentVolumeClaim;
  readonly persistent?: PersistentVolume;
  readonly readOnly: boolean;
  readonly isBlock: boolean;
}

const PROTECTION = "kubernetes.io/pvc-protection";

/** Throws with upstream's words when the claim, or what is behind it, cannot be used. */
export async function resolveVolume(
  client: Pick<Client, "get">,
  pod: Pod,
  volume: Volume,
  signal: AbortSignal,
): Promise<VolumeSpec> {
  const isOwn = volume.ephemeral !== undefined;
  const claimName = isOwn ? `${pod.metadata.name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  if (claimName === undefined) {
    const readOnly = volume.nfs?.readOnly ?? false;
    return checkUse(pod, { name: volume.name, volume, readOnly, isBlock: false });
  }
  const namespace = pod.metadata.namespace ?? "";
  let spec: VolumeSpec;
  try {
    const claim = await usableClaim(client, namespace, claimName, signal);
    if (isOwn && !isOwnedBy(claim, pod)) {
      throw new OwnerError(
        `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
      );
    }
    const persistent = await boundVolume(client, claim, signal);
    const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
    const isBlock = persistent.spec?.volumeMode === "Block";
    spec = { name: persistent.metadata.name, volume, claim, persistent, readOnly, isBlock };
  } catch (err) {
    signal.throwIfAborted();
    if (err instanceof OwnerError) throw err;
    const { message } = err as Error;
    throw new Error(`error processing PVC ${namespace}/${claimName}: ${message}`, { cause: err });
  }
  return checkUse(pod, spec);
}

class OwnerError extends Error {
  override readonly name = "OwnerError";
}

async function usableClaim(
  client: Pick<Client, "get">,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim> {
  const claim = await client
    .get(PersistentVolumeClaims, { namespace, name }, signal)
    .catch((err: unknown) => {
      throw new Error(`failed to fetch PVC from API server: ${(err as Error).message}`, { cause: err });
    });
  const { deletionTimestamp, finalizers = [] } = claim.metadata;
  if (deletionTimestamp !== undefined && !finalizers.includes(PROTECTION))
    throw new Error("PVC is being deleted");
  if (claim.status?.phase !== "Bound") throw new Error("PVC is not bound");
  if ((claim.spec?.volumeName ?? "") === "") throw new Error("PVC has empty pvc.Spec.VolumeName");
  return claim;
}

async function boundVolume(
  client: Pick<Client, "get">,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<PersistentVolume> {
  const name = claim.spec?.volumeName ?? "";
  const found = await client.get(PersistentVolumes, { name }, signal).catch((err: unknown) => {
    throw new Error(`failed to fetch PV ${name} from API server: ${(err as Error).message}`, { cause: err });
  });
  const { claimRef } = found.spec ?? {};
  if (claimRef === undefined) {
    throw new Error(
      `found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  }
  if (claimRef.uid !== claim.metadata.uid) {
    throw new Error(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ""} does not point to claim.UID ${claim.metadata.uid ?? ""}`,
    );
  }
  return found;
}

function isOwnedBy({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ controller, uid }) => controller === true && uid === pod.metadata.uid,
  );
}

/** Names of the pod's volumes that a container mounts, and those that one uses as a device. */
export function volumeNames(pod: Pod): {
  readonly mounts: ReadonlySet<string>;
  readonly devices: ReadonlySet<string>;
} {
  const containers = allContainersOf(pod);
  return {
    mounts: new Set(containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))),
    devices: new Set(containers.flatMap(({ volumeDevices = [] }) => volumeDevices.map(({ name }) => name))),
  };
}

/** Volumes that no container uses are not made. */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const { mounts, devices } = volumeNames(pod);
  return (specOf(pod).volumes ?? []).filter(({ name }) => mounts.has(name) || devices.has(name));
}

function checkUse(pod: Pod, spec: VolumeSpec): VolumeSpec {
  const { mounts, devices } = volumeNames(pod);
  const { name } = spec.volume;
  const mode = spec.isBlock ? "Block" : "Filesystem";
  const wrong = spec.isBlock ? mounts.has(name) && "volumeMounts" : devices.has(name) && "volumeDevices";
  if (wrong !== false && spec.claim !== undefined)
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in ${wrong}`);
  return spec;
}
