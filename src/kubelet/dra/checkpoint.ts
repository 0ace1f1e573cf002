/** Which claims are prepared for which pods, as a file that outlives kubelet: upstream's form. @module */
import { crc32 } from "node:zlib";
import type { ClaimInfo } from "./claim-info.ts";

export const CHECKPOINT_NAME = "dra_manager_state";

/** Of the file; Go's names. */
interface ClaimInfoState {
  readonly ClaimUID: string;
  readonly ClaimName: string;
  readonly Namespace: string;
  readonly PodUIDs: Readonly<Record<string, object>>;
  readonly DriverState: Readonly<Record<string, { readonly Devices: readonly DeviceState[] | Nil }>>;
}

interface DeviceState {
  readonly PoolName: string;
  readonly DeviceName: string;
  readonly ShareID: string | Nil;
  readonly RequestNames: readonly string[] | Nil;
  readonly CDIDeviceIDs: readonly string[] | Nil;
}

interface Checkpoint {
  readonly kind: "DRACheckpoint";
  readonly apiVersion: "checkpoint.dra.kubelet.k8s.io/v1";
  readonly ClaimInfoStateList: readonly ClaimInfoState[] | Nil;
}

// oxlint-disable-next-line typescript/no-restricted-types -- as Go writes what is absent
type Nil = null;

export function writeCheckpoint(claims: readonly ClaimInfo[]): string {
  const checkpoint: Checkpoint = {
    kind: "DRACheckpoint",
    apiVersion: "checkpoint.dra.kubelet.k8s.io/v1",
    ClaimInfoStateList: claims.map((claim) => ({
      ClaimUID: claim.uid,
      ClaimName: claim.name,
      Namespace: claim.namespace,
      PodUIDs: Object.fromEntries([...claim.podUids].map((uid) => [uid, {}])),
      DriverState: Object.fromEntries(
        [...claim.drivers].map(([driver, devices]) => [
          driver,
          {
            Devices: devices.map((device) => ({
              PoolName: device.poolName,
              DeviceName: device.deviceName,
              ShareID: device.shareId === "" ? null : device.shareId,
              RequestNames: device.requestNames,
              CDIDeviceIDs: device.cdiDeviceIds,
            })),
          },
        ]),
      ),
    })),
  };
  const data = JSON.stringify(checkpoint);
  return JSON.stringify({ Data: data, Checksum: crc32(data) });
}

/** Throws when the text is damaged. None of the claims counts as prepared. */
export function readCheckpoint(text: string): readonly ClaimInfo[] {
  const { Data: data, Checksum: sum } = JSON.parse(text) as { Data: string; Checksum: number };
  if (typeof data !== "string" || crc32(data) !== sum) throw new Error("checkpoint is corrupted");
  const { ClaimInfoStateList: list } = JSON.parse(data) as Checkpoint;
  return (list ?? []).map((state) => ({
    uid: state.ClaimUID,
    name: state.ClaimName,
    namespace: state.Namespace,
    podUids: new Set(Object.keys(state.PodUIDs ?? {})),
    drivers: new Map(
      Object.entries(state.DriverState ?? {}).map(([driver, { Devices: devices }]) => [
        driver,
        (devices ?? []).map((device) => ({
          poolName: device.PoolName,
          deviceName: device.DeviceName,
          shareId: device.ShareID ?? "",
          requestNames: device.RequestNames ?? [],
          cdiDeviceIds: device.CDIDeviceIDs ?? [],
        })),
      ]),
    ),
    isPrepared: false,
  }));
}
