/** `k8ts status`: what of a cluster runs. @module */
import { join } from "node:path";
import { adminClient } from "../admin-client.ts";
import { drivers } from "../drivers/index.ts";
import { hasClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { agentName, containerdName } from "../programs.ts";
import { programState } from "../supervisor.ts";

type State = "Running" | "Stopped";

/** minikube's field names, so that tools which read its output read ours. */
export interface NodeStatus {
  readonly Name: string;
  readonly Host: State;
  readonly Kubelet: State;
  /** Irrelevant on workers. */
  readonly APIServer: State | "Irrelevant";
  readonly Kubeconfig: "Configured" | "Misconfigured" | "Irrelevant";
  readonly Worker: boolean;
  readonly IP: string;
}

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
  const apiServer = await apiServerState(context, profile, signal);
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

/** minikube's exit code: 1 for the host, 2 for the cluster, 4 for Kubernetes, added up. */
export function statusExitCode(nodes: readonly NodeStatus[]): number {
  const has = (isWrong: (node: NodeStatus) => boolean): number => (nodes.some(isWrong) ? 1 : 0);
  return (
    has((node) => node.Host !== "Running") +
    2 * has((node) => node.Kubelet !== "Running") +
    4 * has((node) => node.APIServer === "Stopped")
  );
}

export function renderStatus(nodes: readonly NodeStatus[]): string {
  return nodes
    .map((node) =>
      [
        node.Name,
        `type: ${node.Worker ? "Worker" : "Control Plane"}`,
        `host: ${node.Host}`,
        `kubelet: ${node.Kubelet}`,
        ...(node.Worker ? [] : [`apiserver: ${node.APIServer}`, `kubeconfig: ${node.Kubeconfig}`]),
        `ip: ${node.IP}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

const READY_TIMEOUT_MS = 2_000;

async function apiServerState(
  context: LauncherContext,
  profile: Profile,
  signal: AbortSignal,
): Promise<State> {
  await using admin = adminClient(context.env, profile, context.clock);
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(READY_TIMEOUT_MS)]);
  try {
    for await (const _ of admin.client.transport.stream({ method: "GET", path: "/readyz" }, timeout)) break;
    return "Running";
  } catch {
    return "Stopped"; // whatever the reason, nobody can use it
  }
}
