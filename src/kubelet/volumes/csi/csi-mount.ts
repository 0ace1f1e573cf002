/** Stages a CSI file system on the node and publishes it to a pod. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { specOf, uidOf } from "../../container/pod-spec.ts";
import { changeGroup } from "../change-group.ts";
import { operationError } from "../mount-error.ts";
import type { CsiNodeClient } from "./csi-client.ts";
import { type CsiDevice, stagePaths, type VolumeData, writeVolumeData } from "./csi-devices.ts";
import { attachmentName, csiVolumeDir, VOLUME_DATA } from "./csi-paths.ts";
import {
  type CsiTools,
  driverOf,
  isFinalError,
  publishContext,
  secretData,
  tokenAttributes,
} from "./csi-tools.ts";
import {
  changesGroup,
  checkLifecycle,
  csiCapability,
  csiError,
  type CsiVolume,
  podInfo,
} from "./csi-volume.ts";

export interface CsiMountInput {
  readonly pod: Pod;
  readonly volume: CsiVolume;
  /** Of the driver. */
  readonly object: CSIDriver | undefined;
  readonly device: CsiDevice;
}

/** MountDevice: once for the node. No effect for drivers that do not stage. */
export async function stageVolume(tools: CsiTools, input: CsiMountInput, signal: AbortSignal): Promise<void> {
  const { volume, device } = input;
  if (device.isStaged || volume.lifecycle === "Ephemeral") return;
  try {
    await stage(tools, input, signal);
    device.isStaged = true;
  } catch (err) {
    signal.throwIfAborted();
    throw operationError("MountVolume.MountDevice failed", volume.specName, err);
  }
}

async function stage(
  tools: CsiTools,
  { pod, volume, object }: CsiMountInput,
  signal: AbortSignal,
): Promise<void> {
  const { host, rootDir } = tools;
  const { driver, handle } = volume;
  const node = driverOf(tools, driver, "attacher.MountDevice failed to create newCsiDriverClient");
  const capabilities = await node.capabilities(signal);
  if (!capabilities.has("STAGE_UNSTAGE_VOLUME")) return;
  const context = await publishContext(tools, volume, object, signal);
  const secrets = await secretData(tools, volume.stageSecret, "NodeStageSecretRef", signal);
  const { dir, mount } = stagePaths(rootDir, driver, handle);
  await host.makeDir(mount, 0o750);
  // Before the driver is asked: whatever becomes of it, it is known what to undo.
  await writeVolumeData(host, dir, { driverName: driver, volumeHandle: handle });
  const request = {
    volumeId: handle,
    publishContext: context,
    stagingTargetPath: mount,
    volumeCapability: csiCapability(volume, capabilities, specOf(pod).securityContext?.fsGroup),
    secrets,
    volumeContext: volume.attributes,
  };
  try {
    await node.stage(request, signal);
  } catch (err) {
    if (isFinalError(err)) await removeMountDir(tools, dir, mount);
    throw err;
  }
}

/** SetUp: once for each pod, and again for drivers that ask for it. Resolves to the path that containers mount. */
export async function publishVolume(
  tools: CsiTools,
  input: CsiMountInput,
  isRemount: boolean,
  signal: AbortSignal,
): Promise<string> {
  const { volume } = input;
  try {
    return await publish(tools, input, isRemount, signal);
  } catch (err) {
    signal.throwIfAborted();
    throw operationError("MountVolume.SetUp failed", volume.specName, err);
  }
}

async function publish(
  tools: CsiTools,
  { pod, volume, object }: CsiMountInput,
  isRemount: boolean,
  signal: AbortSignal,
): Promise<string> {
  const { host, rootDir, nodeName } = tools;
  const { driver, handle, specName } = volume;
  const node = driverOf(tools, driver, "mounter.SetUpAt failed to get CSI client");
  checkLifecycle(volume, object);
  const capabilities = await node.capabilities(signal);
  const { attributes, secrets } = await attributesOf(tools, { pod, volume, object }, signal);
  const context = await publishContext(tools, volume, object, signal).catch((err: unknown) => {
    throw csiError(`mounter.SetUpAt failed to fetch publishContext: ${(err as Error).message}`, err);
  });
  const isStaged = volume.lifecycle === "Persistent" && capabilities.has("STAGE_UNSTAGE_VOLUME");
  const fsGroup = specOf(pod).securityContext?.fsGroup;
  const dir = csiVolumeDir(rootDir, uidOf(pod), specName);
  const target = `${dir}/mount`;
  await host.makeDir(dir, 0o750);
  const data: VolumeData = {
    specVolID: specName,
    volumeHandle: handle,
    driverName: driver,
    nodeName,
    volumeLifecycleMode: volume.lifecycle,
    attachmentID: attachmentName(driver, handle, nodeName),
  };
  await writeVolumeData(host, dir, data);
  const request = {
    volumeId: handle,
    publishContext: context,
    stagingTargetPath: isStaged ? stagePaths(rootDir, driver, handle).mount : "",
    targetPath: target,
    volumeCapability: csiCapability(volume, capabilities, fsGroup),
    readonly: volume.readOnly,
    secrets,
    volumeContext: attributes,
  };
  await tryPublish(tools, { node, request, dir, isRemount }, signal);
  if (fsGroup !== undefined && !isRemount && changesGroup(volume, object, capabilities)) {
    await changeGroup(tools, pod, target, false).catch((err: unknown) => {
      throw new Error(`applyFSGroup failed for vol ${handle}: ${(err as Error).message}`, { cause: err });
    });
  }
  return target;
}

interface Publication {
  readonly node: CsiNodeClient;
  readonly request: Parameters<CsiNodeClient["publish"]>[0];
  readonly dir: string;
  readonly isRemount: boolean;
}

async function tryPublish(
  tools: CsiTools,
  { node, request, dir, isRemount }: Publication,
  signal: AbortSignal,
): Promise<void> {
  try {
    await node.publish(request, signal);
  } catch (err) {
    // A pod that has it mounted must keep what it sees.
    if (isFinalError(err) && !isRemount) await removeMountDir(tools, dir, request.targetPath);
    throw err;
  }
}

async function attributesOf(
  tools: CsiTools,
  { pod, volume, object }: Omit<CsiMountInput, "device">,
  signal: AbortSignal,
): Promise<{
  readonly attributes: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}> {
  const { podInfoOnMount = false, serviceAccountTokenInSecrets = false } = object?.spec ?? {};
  const secrets = await secretData(tools, volume.publishSecret, "NodePublishSecretRef", signal);
  const tokens = await tokenAttributes(tools, pod, object, signal).catch((err: unknown) => {
    const { message } = err as Error;
    throw csiError(`mounter.SetUpAt failed to get service accoount token attributes: ${message}`, err);
  });
  return {
    attributes: {
      ...volume.attributes,
      ...(podInfoOnMount && podInfo(pod, volume)),
      ...(!serviceAccountTokenInSecrets && tokens),
    },
    secrets: { ...secrets, ...(serviceAccountTokenInSecrets && tokens) },
  };
}

/** Nothing is left to undo: forgets the volume, unless it is mounted all the same. */
export async function removeMountDir({ host }: CsiTools, dir: string, mount: string): Promise<void> {
  if (await host.isMounted(mount)) return;
  await host.remove(mount);
  await host.remove(`${dir}/${VOLUME_DATA}`);
  await host.remove(dir);
}
