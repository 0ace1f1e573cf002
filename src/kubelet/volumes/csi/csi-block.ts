/** Stages a raw CSI volume on the node and publishes it to a pod as a device. @module */
import { specOf, uidOf } from "../../container/pod-spec.ts";
import { operationError } from "../mount-error.ts";
import { writeVolumeData } from "./csi-devices.ts";
import type { CsiMountInput } from "./csi-mount.ts";
import { attachmentName, csiBlockPaths, csiPodDevices } from "./csi-paths.ts";
import { type CsiTools, driverOf, publishContext, secretData } from "./csi-tools.ts";
import { csiCapability, podInfo } from "./csi-volume.ts";

/** Resolves to the device's path. */
export async function mapVolume(tools: CsiTools, input: CsiMountInput, signal: AbortSignal): Promise<string> {
  const { volume } = input;
  try {
    return await map(tools, input, signal);
  } catch (err) {
    signal.throwIfAborted();
    throw operationError("MapVolume.SetUpDevice failed", volume.specName, err, "FailedMapVolume");
  }
}

async function map(
  tools: CsiTools,
  { pod, volume, object, device }: CsiMountInput,
  signal: AbortSignal,
): Promise<string> {
  const { host, rootDir, nodeName } = tools;
  const { driver, handle, specName } = volume;
  const node = driverOf(tools, driver, "blockMapper.SetUpDevice failed to get CSI client");
  const capabilities = await node.capabilities(signal);
  const context = await publishContext(tools, volume, object, signal);
  const { staging, publish, dataDir } = csiBlockPaths(rootDir, specName, uidOf(pod));
  const attachmentID = attachmentName(driver, handle, nodeName);
  await host.makeDir(dataDir, 0o750);
  const data = { specVolID: specName, volumeHandle: handle, driverName: driver, nodeName, attachmentID };
  await writeVolumeData(host, dataDir, data);
  const common = {
    volumeId: handle,
    publishContext: context,
    stagingTargetPath: staging,
    volumeCapability: csiCapability(volume, capabilities, specOf(pod).securityContext?.fsGroup),
  };
  if (capabilities.has("STAGE_UNSTAGE_VOLUME") && !device.isStaged) {
    const secrets = await secretData(tools, volume.stageSecret, "NodeStageSecretRef", signal);
    await host.makeDir(staging, 0o750);
    await node.stage({ ...common, secrets, volumeContext: volume.attributes }, signal);
    device.isStaged = true;
  }
  const secrets = await secretData(tools, volume.publishSecret, "NodePublishSecretRef", signal);
  const volumeContext = {
    ...volume.attributes,
    ...(object?.spec.podInfoOnMount === true && podInfo(pod, volume)),
  };
  await host.makeDir(publish.slice(0, publish.lastIndexOf("/")), 0o750);
  // By this the pod's teardown finds it, so it comes before the driver is asked.
  await host.link(publish, `${csiPodDevices(rootDir, uidOf(pod))}/${specName}`);
  const request = { ...common, targetPath: publish, readonly: volume.readOnly, secrets, volumeContext };
  await node.publish(request, signal);
  return publish;
}
