/** Brings the images that a container mounts as volumes. @module */
import type { MountedVolume, MountedVolumes } from "../volumes/mounted-volume.ts";
import { uidOf } from "../container/pod-spec.ts";
import { mountImageVolume } from "../volumes/image-volume.ts";
import type { ContainerStarter, StartInput } from "./start-container.ts";

/** The container's volumes, with every image in its place. Throws `StartError` as for the container's own image. */
export async function withImageVolumes(
  starter: ContainerStarter,
  input: StartInput,
  signal: AbortSignal,
): Promise<MountedVolumes> {
  const { pod, container, volumes, pullSecrets, sandboxConfig } = input;
  const names = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  const result = new Map<string, MountedVolume>(volumes);
  for (const name of names) {
    const volume = volumes.get(name);
    if (volume?.image === undefined) continue;
    const { reference = "", pullPolicy = "IfNotPresent" } = volume.image;
    const asContainer = { ...container, image: reference, imagePullPolicy: pullPolicy };
    const wanted = { pod, container: asContainer, pullSecrets, sandboxConfig };
    const { ref } = await starter.images.ensure(wanted, signal);
    const { host, paths, imageMounts, onImageVolume } = starter;
    const tools = { host, rootDir: paths.rootDir, imageMounts };
    onImageVolume?.("requested");
    let path: string | undefined;
    try {
      path = await mountImageVolume(tools, uidOf(pod), name, ref, signal);
    } catch (err) {
      onImageVolume?.("failed");
      throw err;
    }
    result.set(name, path === undefined ? { ...volume, imageRef: ref } : { ...volume, path });
  }
  return result;
}

/** How many of them the container mounts. */
export function imageVolumeCount({ container, volumes }: Pick<StartInput, "container" | "volumes">): number {
  const names = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  return [...names].filter((name) => volumes.get(name)?.image !== undefined).length;
}
