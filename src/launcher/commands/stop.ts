/** `k8ts stop`: ends the processes and containers of a cluster and keeps its data. @module */
import { join } from "node:path";
import { drivers } from "../drivers/index.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { cleanNodeRuntime, type Purpose } from "../node-runtime.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { agentName, containerdName } from "../programs.ts";
import { stopProgram } from "../supervisor.ts";

const AGENT_GRACE_MS = 10_000;
const SERVER_GRACE_MS = 15_000;
const CONTAINERD_GRACE_MS = 5_000;

export async function stop(context: LauncherContext, name: string, signal: AbortSignal): Promise<void> {
  const profile = await requireProfile(context.env, name);
  await stopPrograms(context, profile, "stop", signal);
}

/** Agents first, so that nothing restarts a container; the server last, so that their last words are stored. */
export async function stopPrograms(
  context: LauncherContext,
  profile: Profile,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<void> {
  const { env, progress } = context;
  const paths = profilePaths(env, profile.name);
  await progress.step("Stopping nodes and their containers", () =>
    Promise.all(profile.nodes.map((node) => stopNode(context, profile, node.name, purpose, signal))),
  );
  await progress.step("Stopping the control plane", () =>
    stopProgram(join(paths.dir, "pids"), "server", SERVER_GRACE_MS, context.clock, signal),
  );
  await drivers[profile.driver].down(profile, signal);
}

/** Also for one node of a living cluster (`node stop`, `node delete`). */
export async function stopNode(
  context: LauncherContext,
  profile: Profile,
  nodeName: string,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<void> {
  const { env, clock } = context;
  const pidDir = join(profilePaths(env, profile.name).dir, "pids");
  const node = profile.nodes.find(({ name }) => name === nodeName)!;
  await stopProgram(pidDir, agentName(node), AGENT_GRACE_MS, clock, signal);
  if (!drivers[profile.driver].isReal) return;
  await stopProgram(pidDir, containerdName(node), CONTAINERD_GRACE_MS, clock, signal);
  await cleanNodeRuntime(env, profile, node, purpose, clock, signal);
}
