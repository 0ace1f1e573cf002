/** Who holds which devices, as a file that outlives kubelet: upstream's form, with a checksum of our own. @module */
import { decode, encode } from "#cri";
import { type ContainerAllocateResponse, devicePluginApi } from "./device-plugin-tables.ts";
import type { PodDevicesEntry } from "./pod-devices.ts";

export const CHECKPOINT_NAME = "kubelet_internal_checkpoint";

export interface DeviceCheckpoint {
  readonly entries: readonly PodDevicesEntry[];
  /** Resource -> healthy devices. */
  readonly registered: ReadonlyMap<string, readonly string[]>;
}

/** Of the file; Go's names. */
interface CheckpointData {
  readonly PodDeviceEntries: readonly {
    readonly PodUID: string;
    readonly ContainerName: string;
    readonly ResourceName: string;
    /** NUMA node -> ids. */
    readonly DeviceIDs: Readonly<Record<string, readonly string[]>>;
    /** A ContainerAllocateResponse in base64. */
    readonly AllocResp: string;
  }[];
  readonly RegisteredDevices: Readonly<Record<string, readonly string[]>>;
}

const RESPONSE = "ContainerAllocateResponse";

export function writeCheckpoint({ entries, registered }: DeviceCheckpoint): string {
  const message = devicePluginApi.message(RESPONSE);
  const data: CheckpointData = {
    PodDeviceEntries: entries.map(({ podUid, container, resource, devices, response }) => ({
      PodUID: podUid,
      ContainerName: container,
      ResourceName: resource,
      DeviceIDs: Object.fromEntries(devices),
      AllocResp: Buffer.from(encode(message, response)).toString("base64"),
    })),
    RegisteredDevices: Object.fromEntries(registered),
  };
  return JSON.stringify({ Data: data, Checksum: checksum(data) });
}

/** Throws when the text is damaged. */
export function readCheckpoint(text: string): DeviceCheckpoint {
  const { Data: data, Checksum: sum } = JSON.parse(text) as { Data: CheckpointData; Checksum: number };
  if (checksum(data) !== sum) throw new Error("checkpoint is corrupted");
  const message = devicePluginApi.message(RESPONSE);
  const entries = data.PodDeviceEntries.map((entry) => ({
    podUid: entry.PodUID,
    container: entry.ContainerName,
    resource: entry.ResourceName,
    devices: new Map(Object.entries(entry.DeviceIDs).map(([node, ids]) => [Number(node), ids])),
    response: decode(message, Buffer.from(entry.AllocResp, "base64")) as ContainerAllocateResponse,
  }));
  return { entries, registered: new Map(Object.entries(data.RegisteredDevices)) };
}

/** FNV-1a of 32 bits. */
function checksum(data: CheckpointData): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(data))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
