/** A node's containerd: its configuration before it starts, and what is left of it after it has stopped. @module */
import { mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "#apimachinery";
import { cleanupNodeRuntime, prepareContainerd, unmountBelow } from "#cri";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { templateFor } from "./pod-network.ts";
import type { NodeSpec, Profile } from "./profile.ts";
import { cgroupRoot } from "./programs.ts";
import { writeRegistries } from "./registries.ts";

/** Writes the configuration; resolves with the command that starts it. */
export async function prepareNodeRuntime(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
): Promise<[string, ...string[]]> {
  const { containerdRoot, cniConf, cniTemplate, cniData, run, dir } = profilePaths(env, profile.name).node(
    node.name,
  );
  const registryConfigDir = join(dir, "certs.d");
  const { template } = profile.podNetwork ?? {};
  if (template !== undefined) {
    await mkdir(dirname(cniTemplate), { recursive: true });
    await writeFile(cniTemplate, templateFor({ template }, cniData), { mode: 0o600 });
  }
  const options = {
    rootDir: containerdRoot,
    stateDir: run,
    cniConfDir: cniConf,
    registryConfigDir,
    ...(template !== undefined && { cniConfTemplate: cniTemplate }),
  };
  await writeRegistries(registryConfigDir, profile.insecureRegistries ?? []);
  const { argv } = await prepareContainerd(options, env.path);
  return argv as [string, ...string[]];
}

/** What a node is stopped for: to start again, or never more. */
export type Purpose = "stop" | "delete";

/** Ends the containers and removes their mounts and cgroups; images and data stay. */
export async function cleanNodeRuntime(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
  purpose: Purpose,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { containerdRoot, run, dir } = profilePaths(env, profile.name).node(node.name);
  const options = {
    rootDir: containerdRoot,
    stateDir: run,
    cgroupParents: [cgroupRoot(profile, node)],
    keepsNetworkRecords: purpose === "stop",
  };
  await cleanupNodeRuntime(options, clock, signal);
  await unmountBelow([dir]); // kubelet's volumes
  await removeEmptyCgroups(cgroupRoot(profile, node));
}

/** The levels above the node's own, `/k8ts/PROFILE` and `/k8ts`, go with the last node below them. */
async function removeEmptyCgroups(root: string): Promise<void> {
  const hierarchies = await readdir(CGROUPS).catch(() => []);
  for (const parent of [dirname(root), dirname(dirname(root))]) {
    for (const hierarchy of ["", ...hierarchies]) {
      await rmdir(join(CGROUPS, hierarchy, parent)).catch((err: NodeJS.ErrnoException) => {
        if (!EXPECTED.has(err.code ?? "")) throw err;
      });
    }
  }
}

const CGROUPS = "/sys/fs/cgroup";
/** Not there, not empty, or no hierarchy at all. */
const EXPECTED = new Set(["ENOENT", "ENOTEMPTY", "EBUSY", "ENOTDIR"]);
