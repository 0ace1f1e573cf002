/** The processes of a cluster: one server, and a containerd and an agent for each node. Command lines only. @module */
import { join } from "node:path";
import { auditFlags } from "./audit-policy.ts";
import { drivers } from "./drivers/index.ts";
import { loadBalancerRange } from "./drivers/netns.ts";
import { extraFlags } from "./extra-config.ts";
import type { LauncherEnv } from "./paths.ts";
import { profilePaths } from "./paths.ts";
import { ipsOf, serverURL, type NodeSpec, type Profile } from "./profile.ts";
import { familiesOf } from "./ip-family.ts";
import type { Program } from "./supervisor.ts";

/** V8's heap in MB: `old` is the bound; a small `young` costs some time under load and spares memory when idle. */
interface Heap {
  readonly oldMb: number;
  readonly youngMb: number;
}

/** The server holds the watch cache, and its young objects are many. */
const SERVER_HEAP: Heap = { oldMb: 4096, youngMb: 16 };
const AGENT_HEAP: Heap = { oldMb: 1024, youngMb: 2 };

export function serverProgram(env: LauncherEnv, profile: Profile): Program {
  const paths = profilePaths(env, profile.name);
  const controlPlane = profile.nodes.find((node) => node.role === "control-plane")!;
  const { host, port } = profile.apiServer;
  const flags = [
    `--data-dir=${paths.data}`,
    `--cert-dir=${paths.pki}`,
    `--nodes-dir=${join(paths.dir, "nodes")}`,
    `--log-dir=${paths.logs}`,
    `--bind-address=${host}`,
    `--secure-port=${port}`,
    `--advertise-address=${controlPlane.ip}`,
    `--service-cluster-ip-range=${profile.serviceCIDR}`,
    ...loadBalancerFlags(profile),
    `--cluster-cidr=${profile.podCIDR}`,
    `--control-plane-node=${controlPlane.name}`,
    ...auditFlags(env, profile.name),
    // kubelet renews the tokens of pods, and clients read them again
    "--service-account-extend-token-expiration=false",
    ...componentPorts(profile),
  ];
  return {
    name: "server",
    command: onNode(
      profile,
      controlPlane,
      k8ts(env, SERVER_HEAP, "server", ...flags, ...extraFlags(profile, "server")),
    ),
    ...common(env, profile, "server"),
  };
}

export function agentProgram(env: LauncherEnv, profile: Profile, node: NodeSpec): Program {
  const paths = profilePaths(env, profile.name);
  const driver = drivers[profile.driver];
  const nodePaths = paths.node(node.name);
  const flags = [
    `--server=${serverURL(profile)}`,
    `--node-name=${node.name}`,
    `--node-ip=${ipsOf(node).join()}`,
    `--kubelet-port=${node.kubeletPort}`,
    `--cert-dir=${join(nodePaths.dir, "pki")}`,
    `--root-dir=${nodePaths.kubelet}`,
    `--pod-logs-dir=${nodePaths.podLogs}`,
    `--pod-manifest-path=${nodePaths.manifests}`,
    `--log-dir=${paths.logs}`,
    `--pid-dir=${join(paths.dir, "pids")}`,
    `--cluster-dns=${profile.dnsIP}`,
    `--cluster-domain=${profile.dnsDomain}`,
    `--cluster-cidr=${profile.podCIDR}`,
    `--service-cluster-ip-range=${profile.serviceCIDR}`,
    ...loadBalancerFlags(profile),
    ...(driver.isReal
      ? [
          `--container-runtime-endpoint=${containerdSocket(env, profile, node)}`,
          `--cgroup-root=${cgroupRoot(profile, node)}`,
          `--cni-conf-dir=${nodePaths.cniConf}`,
          `--cni-data-dir=${nodePaths.cniData}`,
          ...(profile.podNetwork === undefined ? [] : ["--network-plugin=cni"]),
          // nodes that share a developer's disk do not shed pods because it is nearly full; as kind and minikube
          ...(profile.driver === "host"
            ? []
            : ["--eviction-hard=memory.available<100Mi", "--image-gc-high-threshold=100"]),
        ]
      : ["--container-runtime=simulated"]),
    ...(node.role === "control-plane"
      ? ["--control-plane", ...componentPorts(profile), ...chosenComponentPorts(profile)]
      : []),
  ];
  const name = agentName(node);
  return {
    name,
    command: onNode(profile, node, k8ts(env, AGENT_HEAP, "agent", ...flags, ...extraFlags(profile, "agent"))),
    ...common(env, profile, name),
  };
}

export function containerdProgram(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
  command: [string, ...string[]],
): Program {
  const name = containerdName(node);
  return { name, command: onNode(profile, node, command), ...common(env, profile, name) };
}

/** Clusters without a network of their own share the ports of this machine. */
function componentPorts({ driver }: Profile): readonly string[] {
  return driver === "simulated" ? ["--scheduler-secure-port=0", "--controller-manager-secure-port=0"] : [];
}

/** Where the owner of the cluster wants the server's components to listen, there the agent asks them. */
function chosenComponentPorts(profile: Profile): readonly string[] {
  const isPort = /^--(?:component-bind-address|scheduler-secure-port|controller-manager-secure-port)=/;
  return extraFlags(profile, "server").filter((flag) => isPort.test(flag));
}

/** Only a network of its own has addresses to spare. */
function loadBalancerFlags({ network, podCIDR }: Profile): readonly string[] {
  if (network === undefined) return [];
  const ranges = familiesOf(podCIDR).map((family) => loadBalancerRange(network, family));
  return [`--service-load-balancer-range=${ranges.join()}`];
}

export const agentName = (node: NodeSpec): string => `${node.name}.agent`;
export const containerdName = (node: NodeSpec): string => `${node.name}.containerd`;

export function containerdSocket(env: LauncherEnv, profile: Profile, node: NodeSpec): string {
  return join(profilePaths(env, profile.name).node(node.name).run, "containerd.sock");
}

/** Below the root of each cgroup hierarchy; several nodes share one machine. */
export function cgroupRoot(profile: Profile, node: NodeSpec): string {
  return `/k8ts/${profile.name}/${node.name}`;
}

function k8ts(env: LauncherEnv, heap: Heap, ...args: string[]): [string, ...string[]] {
  const node = join(env.installDir, "node_modules/.bin/node");
  const limits = [`--max-old-space-size=${heap.oldMb}`, `--max-semi-space-size=${heap.youngMb}`];
  return [node, ...limits, join(env.installDir, "src/cmd/k8ts.ts"), ...args];
}

function onNode(
  profile: Profile,
  node: NodeSpec,
  command: [string, ...string[]],
): readonly [string, ...string[]] {
  return drivers[profile.driver].onNode(profile, node, command);
}

function common(
  env: LauncherEnv,
  profile: Profile,
  name: string,
): Pick<Program, "pidDir" | "logFile" | "env"> {
  const paths = profilePaths(env, profile.name);
  return {
    pidDir: join(paths.dir, "pids"),
    logFile: join(paths.logs, `${name}.log`),
    env: {
      PATH: env.path,
      HOME: "/",
      NODE_ENV: "production",
      NODE_COMPILE_CACHE: join(env.installDir, "node_modules/.cache/k8ts"),
      // glibc would give every thread an arena of its own, each of which keeps what was freed: a third of a server's memory.
      MALLOC_ARENA_MAX: "2",
    },
  };
}
