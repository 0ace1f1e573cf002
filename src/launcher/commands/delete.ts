/** `k8ts delete`: removes a cluster without trace: processes, mounts, namespaces, interfaces, cgroups, files, volumes, context. @module */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { drivers } from "../drivers/index.ts";
import { removeClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { removeIfEmpty, removeLocalVolumes } from "../local-volumes.ts";
import { binDir, profilePaths } from "../paths.ts";
import { listProfiles, requireProfile, type Profile } from "../profile.ts";
import { stopPrograms } from "./stop.ts";

export async function deleteCluster(
  context: LauncherContext,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(context.env, name);
  await removeCluster(context, profile, signal);
  context.progress.info(`The cluster "${name}" is gone`);
}

export async function removeCluster(
  context: LauncherContext,
  profile: Profile,
  signal: AbortSignal,
): Promise<void> {
  const { env, progress } = context;
  await stopPrograms(context, profile, "delete", signal);
  if (profile.driver === "netns") {
    await progress.step("Removing the network", () => drivers.netns.remove(profile, signal));
  }
  await progress.step("Removing files and the kubeconfig context", async () => {
    await removeClusterContext(profile, signal);
    const paths = profilePaths(env, profile.name);
    for (const { name } of profile.nodes) await removeLocalVolumes(paths.node(name).kubelet);
    await rm(paths.dir, { recursive: true, force: true });
    await rm(paths.run, { recursive: true, force: true });
    // the kubectl that was unpacked for all of them goes with the last one
    if ((await listProfiles(env)).length === 0) await rm(binDir(env), { recursive: true, force: true });
    for (const parent of [dirname(paths.run), dirname(paths.dir), env.home]) await removeIfEmpty(parent);
  });
}
