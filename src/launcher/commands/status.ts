/** `k8ts status`: what of a cluster runs. @module */
import { join } from "node:path";
import { drivers } from "../drivers/index.ts";
import { hasClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile } from "../profile.ts";
import { agentName, containerdName } from "../programs.ts";
import { isServerReady } from "../server-ready.ts";
import { programState } from "../program-state.ts";
import type { NodeStatus, State } from "./status-table.ts";

export async function status(
  context: LauncherContext,
  name: string,
  signal: AbortSignal,
): Promise<readonly NodeStatus[]> {
  const profile = await requireProfile(context.env, name);
  const pidDir = join(profilePaths(context.env, profile.name).dir, "pids");
  const isUp = async (program: string): Promise<State> =>
    (await programState(pidDir, program)).childPid === undefined ? "Stopped" : "Running";
  const hasContext = await hasClusterContext(profile);
  const apiServer = (await isServerReady(context.env, profile, signal)) ? "Running" : "Stopped";
  return Promise.all(
    profile.nodes.map(async (node): Promise<NodeStatus> => {
      const isWorker = node.role === "worker";
      const kubelet = await isUp(agentName(node));
      const host = drivers[profile.driver].isReal ? await isUp(containerdName(node)) : kubelet;
      return {
        Name: node.name,
        Host: host,
        Kubelet: kubelet,
        APIServer: isWorker ? "Irrelevant" : apiServer,
        Kubeconfig: isWorker ? "Irrelevant" : hasContext ? "Configured" : "Misconfigured",
        Worker: isWorker,
        IP: node.ip,
      };
    }),
  );
}
