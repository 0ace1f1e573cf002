/** A node's containerd: its configuration before it starts, and what is left of it after it has stopped. @module */
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import { cleanupNodeRuntime, prepareContainerd } from "#cri";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import type { NodeSpec, Profile } from "./profile.ts";
import { cgroupRoot } from "./programs.ts";

/** Writes the configuration; resolves with the command that starts it. */
export async function prepareNodeRuntime(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
): Promise<[string, ...string[]]> {
  const { containerdRoot, cniConf, run, dir } = profilePaths(env, profile.name).node(node.name);
  const options = {
    rootDir: containerdRoot,
    stateDir: run,
    cniConfDir: cniConf,
    registryConfigDir: join(dir, "certs.d"),
  };
  const { argv } = await prepareContainerd(options, env.path);
  return argv as [string, ...string[]];
}

/** Ends the containers and removes their mounts and cgroups; images and data stay. */
export async function cleanNodeRuntime(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { containerdRoot, run } = profilePaths(env, profile.name).node(node.name);
  const options = { rootDir: containerdRoot, stateDir: run, cgroupParents: [cgroupRoot(profile, node)] };
  await cleanupNodeRuntime(options, clock, signal);
}
