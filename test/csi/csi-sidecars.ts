/** What runs beside a CSI driver's controller: a provisioner, an attacher and a resizer, as small as they can be. @module */
import {
  compareQuantity,
  formatQuantity,
  isConflict,
  isNotFound,
  newQuantity,
  parseQuantity,
  quantityValue,
} from "#apimachinery";
import type { Client, InformerFactory } from "#client";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { type Connection, isRuntimeUnavailable, runtimeErrorCode } from "#cri";
import { csi } from "../../src/kubelet/volumes/csi/csi-tables.ts";

export interface Sidecars {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly driver: string;
  readonly nodeId: string;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

const CREATED_BY = "pv.kubernetes.io/provisioned-by";

/** The informers must run. Failures that a change will bring again are left to it. */
export function runSidecars(sidecars: Sidecars): void {
  const { informers } = sidecars;
  const claims = informers.informer(PersistentVolumeClaims);
  const volumes = informers.informer(PersistentVolumes);
  const attachments = informers.informer(VolumeAttachments);
  const turn = oneAtATime(sidecars.signal);
  const onClaim = (claim: PersistentVolumeClaim): void => {
    turn(() => provision(sidecars, claim));
    turn(() => resize(sidecars, claim));
  };
  claims.addEventHandler({ onAdd: onClaim, onUpdate: onClaim });
  const onVolume = (volume: PersistentVolume): void => turn(() => remove(sidecars, volume));
  volumes.addEventHandler({ onAdd: onVolume, onUpdate: onVolume });
  const onAttachment = (attachment: VolumeAttachment): void => turn(() => attach(sidecars, attachment));
  attachments.addEventHandler({ onAdd: onAttachment, onUpdate: onAttachment });
}

function oneAtATime(signal: AbortSignal): (work: () => Promise<void>) => void {
  let last = Promise.resolve();
  return (work) => {
    last = last.then(work).catch((err: unknown) => {
      // A driver that stops cancels the calls that it has not answered.
      const isAway = isRuntimeUnavailable(err) || runtimeErrorCode(err) === "Canceled";
      if (!signal.aborted && !isConflict(err) && !isNotFound(err) && !isAway) throw err;
    });
  };
}

async function call(sidecars: Sidecars, name: string, request: object): Promise<object> {
  const { connection, signal } = sidecars;
  return connection.unary(csi.method("Controller", name), request, { signal, deadlineMs: 60_000 });
}

const storageOf = (list: Readonly<Record<string, string>> | undefined): string => list?.["storage"] ?? "0";
const bytesOf = (quantity: string): number => quantityValue(parseQuantity(quantity));

async function provision(sidecars: Sidecars, claim: PersistentVolumeClaim): Promise<void> {
  const { client, driver, signal } = sidecars;
  const {
    storageClassName = "",
    volumeName = "",
    resources,
    accessModes = [],
    volumeMode,
  } = claim.spec ?? {};
  if (volumeName !== "" || storageClassName === "" || claim.metadata.deletionTimestamp !== undefined) return;
  const storageClass = await client.get(StorageClasses, { name: storageClassName }, signal);
  if (storageClass.provisioner !== driver) return;
  const name = `pvc-${claim.metadata.uid}`;
  const requiredBytes = bytesOf(storageOf(resources?.requests));
  const answer = await call(sidecars, "CreateVolume", { name, capacityRange: { requiredBytes } });
  const { volume } = answer as {
    volume: { volumeId: string; capacityBytes: number; volumeContext: Record<string, string> };
  };
  const { namespace = "", uid = "" } = claim.metadata;
  await client
    .create(
      PersistentVolumes,
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name, annotations: { [CREATED_BY]: driver } },
        spec: {
          accessModes,
          storageClassName,
          ...(volumeMode !== undefined && { volumeMode }),
          persistentVolumeReclaimPolicy: "Delete",
          capacity: { storage: formatQuantity(newQuantity(volume.capacityBytes, "BinarySI")) },
          claimRef: {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            namespace,
            name: claim.metadata.name,
            uid,
          },
          csi: {
            driver,
            volumeHandle: volume.volumeId,
            volumeAttributes: volume.volumeContext,
            ...(volumeMode !== "Block" && { fsType: "ext4" }),
          },
        },
      },
      signal,
    )
    .catch((err: unknown) => {
      if (!/already exists/.test((err as Error).message)) throw err;
    });
}

async function remove(sidecars: Sidecars, { metadata, spec, status }: PersistentVolume): Promise<void> {
  const { client, driver, signal } = sidecars;
  if (status?.phase !== "Released" || spec?.csi?.driver !== driver) return;
  await call(sidecars, "DeleteVolume", { volumeId: spec.csi.volumeHandle });
  await client.delete(PersistentVolumes, metadata, signal);
}

async function attach(sidecars: Sidecars, { metadata, spec, status }: VolumeAttachment): Promise<void> {
  const { client, driver, nodeId, signal } = sidecars;
  if (spec.attacher !== driver) return;
  const finalizer = `external-attacher/${driver.replaceAll(".", "-")}`;
  const name = spec.source.persistentVolumeName ?? "";
  if (metadata.deletionTimestamp !== undefined) {
    if (metadata.finalizers?.includes(finalizer) !== true) return;
    await call(sidecars, "ControllerUnpublishVolume", { volumeId: name, nodeId });
    const body = { metadata: { finalizers: null, resourceVersion: metadata.resourceVersion } };
    await client.patch(VolumeAttachments, metadata, { type: "merge", body }, signal);
    return;
  }
  if (status?.attached === true) return;
  if (metadata.finalizers?.includes(finalizer) !== true) {
    const body = { metadata: { finalizers: [finalizer] } };
    await client.patch(VolumeAttachments, metadata, { type: "merge", body }, signal);
  }
  const persistent = await client.get(PersistentVolumes, { name }, signal);
  const volumeId = persistent.spec?.csi?.volumeHandle ?? "";
  const { publishContext } = (await call(sidecars, "ControllerPublishVolume", { volumeId, nodeId })) as {
    publishContext: Record<string, string>;
  };
  const body = { status: { attached: true, attachmentMetadata: publishContext } };
  const options = { subresource: "status" };
  await client.patch(VolumeAttachments, metadata, { type: "merge", body }, signal, options);
}

async function resize(sidecars: Sidecars, { metadata }: PersistentVolumeClaim): Promise<void> {
  const { client, driver, signal } = sidecars;
  const { spec, status } = await client.get(PersistentVolumeClaims, metadata, signal);
  const wanted = storageOf(spec?.resources?.requests);
  const has = storageOf(status?.capacity);
  if (status?.phase !== "Bound" || compareQuantity(parseQuantity(wanted), parseQuantity(has)) <= 0) return;
  if (status.allocatedResourceStatuses?.["storage"] !== undefined) return;
  const name = spec?.volumeName ?? "";
  const volume = await client.get(PersistentVolumes, { name }, signal);
  if (volume.spec?.csi?.driver !== driver) return;
  const volumeId = volume.spec.csi.volumeHandle;
  await call(sidecars, "ControllerExpandVolume", {
    volumeId,
    capacityRange: { requiredBytes: bytesOf(wanted) },
  });
  const capacity = { spec: { capacity: { storage: wanted } } };
  await client.patch(PersistentVolumes, { name }, { type: "merge", body: capacity }, signal);
  const pending = { type: "FileSystemResizePending", status: "True" };
  const body = {
    status: {
      allocatedResources: { storage: wanted },
      allocatedResourceStatuses: { storage: "NodeResizePending" },
      conditions: [pending],
    },
  };
  await client.patch(PersistentVolumeClaims, metadata, { type: "merge", body }, signal, {
    subresource: "status",
  });
}
