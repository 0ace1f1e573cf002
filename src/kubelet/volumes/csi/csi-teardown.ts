/** Takes CSI volumes away from pods and from the node, by what the disk says of them. @module */
import { operationError } from "../mount-error.ts";
import { type CsiDevice, readVolumeData, stagePaths, type VolumeData } from "./csi-devices.ts";
import { removeMountDir } from "./csi-mount.ts";
import { csiBlockPaths, csiPodDevices, csiPodVolumes, uniqueVolumeName, VOLUME_DATA } from "./csi-paths.ts";
import { type CsiTools, driverOf } from "./csi-tools.ts";

/** Every volume of the pod; throws when a driver cannot, or is not here. */
export async function unpublishAll(tools: CsiTools, uid: string, signal: AbortSignal): Promise<void> {
  const { host, rootDir } = tools;
  const volumes = csiPodVolumes(rootDir, uid);
  for (const name of await host.list(volumes)) {
    const data = await readVolumeData(host, `${volumes}/${name}`);
    if (data === undefined) continue;
    await step("UnmountVolume.TearDown failed", name, signal, () =>
      unpublish(tools, data, `${volumes}/${name}`, signal),
    );
    tools.devices.release(nameOf(data), uid);
  }
  const devices = csiPodDevices(rootDir, uid);
  for (const name of await host.list(devices)) {
    const paths = csiBlockPaths(rootDir, name, uid);
    const data = await readVolumeData(host, paths.dataDir);
    if (data !== undefined) {
      await step("UnmapVolume.UnmapPodDevice failed", name, signal, async () => {
        const node = driverOf(tools, data.driverName, "blockMapper.UnmapPodDevice failed to get CSI client");
        await node.unpublish(data.volumeHandle, paths.publish, signal);
        await host.remove(paths.publish);
      });
      tools.devices.release(nameOf(data), uid);
    }
    await host.remove(`${devices}/${name}`);
  }
  // Those that were only waited for.
  for (const name of tools.devices.usedBy(uid)) tools.devices.release(name, uid);
}

async function unpublish(
  tools: CsiTools,
  { driverName, volumeHandle }: VolumeData,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const { host } = tools;
  const node = driverOf(tools, driverName, "Unmounter.TearDownAt failed to get CSI client");
  await node.unpublish(volumeHandle, `${dir}/mount`, signal);
  if (await host.isMounted(`${dir}/mount`)) throw new Error(`the driver left ${dir}/mount mounted`);
  await removeMountDir(tools, dir, `${dir}/mount`);
}

/** The node's own part of a volume that no pod uses. */
export async function unstage(tools: CsiTools, device: CsiDevice, signal: AbortSignal): Promise<void> {
  const what = device.blockSpecName === undefined ? "UnmountDevice failed" : "UnmapDevice failed";
  await step(what, device.name, signal, () =>
    device.blockSpecName === undefined
      ? unstageMount(tools, device, signal)
      : unstageBlock(tools, device, device.blockSpecName, signal),
  );
}

async function unstageMount(
  tools: CsiTools,
  { driver, handle }: CsiDevice,
  signal: AbortSignal,
): Promise<void> {
  const { host, rootDir } = tools;
  const { dir, mount } = stagePaths(rootDir, driver, handle);
  // Drivers that do not stage leave no data.
  if ((await readVolumeData(host, dir)) === undefined) return;
  const node = driverOf(tools, driver, "attacher.UnmountDevice failed to create newCsiDriverClient");
  const capabilities = await node.capabilities(signal);
  if (capabilities.has("STAGE_UNSTAGE_VOLUME")) await node.unstage(handle, mount, signal);
  if (await host.isMounted(mount)) throw new Error(`the driver left ${mount} mounted`);
  await removeMountDir(tools, dir, mount);
}

async function unstageBlock(
  tools: CsiTools,
  { driver, handle }: CsiDevice,
  specName: string,
  signal: AbortSignal,
): Promise<void> {
  const { host, rootDir } = tools;
  const { staging, publish, dataDir } = csiBlockPaths(rootDir, specName, "");
  const node = driverOf(tools, driver, "blockMapper.TearDownDevice failed to get CSI client");
  const capabilities = await node.capabilities(signal);
  if (capabilities.has("STAGE_UNSTAGE_VOLUME")) {
    await node.unstage(handle, staging, signal);
    await host.remove(staging);
  }
  await host.remove(publish.slice(0, publish.lastIndexOf("/")));
  await host.remove(`${dataDir}/${VOLUME_DATA}`);
  await host.remove(dataDir);
  await host.remove(dataDir.slice(0, dataDir.lastIndexOf("/")));
}

async function step(
  what: string,
  name: string,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (err) {
    signal.throwIfAborted();
    throw operationError(what, name, err);
  }
}

function nameOf({ driverName, volumeHandle }: VolumeData): string {
  return uniqueVolumeName(driverName, volumeHandle);
}
