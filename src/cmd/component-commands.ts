/** The commands that are processes: server and agent. @module */
import { Option, type Command } from "commander";
import type { Clock } from "#apimachinery";
import type { AgentFlags } from "./agent/agent.ts";
import { parseEvictionHard } from "./agent/eviction-hard.ts";
import { integer } from "./cluster-commands.ts";
import type { World } from "./k8ts.ts";
import type { ServerFlags } from "./server/server.ts";

const ISSUER = "https://kubernetes.default.svc.cluster.local";

/** Components are imported when they run: `k8ts status` must not load an API server. */
export function addComponentCommands(program: Command, world: World, clock: Clock): void {
  addServer(program, world, clock);
  addAgent(program, world, clock);
}

function addServer(program: Command, world: World, clock: Clock): void {
  program
    .command("server")
    .description("run the control plane: API server, store, controllers and scheduler in one process")
    .requiredOption("--data-dir <path>", "folder of the embedded store")
    .requiredOption("--cert-dir <path>", "folder with ca, apiserver, apiserver-kubelet-client and sa keys")
    .option("--log-dir <path>", "a log file for each component; default: standard error")
    .option("--bind-address <ip>", "where to listen", "0.0.0.0")
    .option("--secure-port <port>", "where to listen", integer, 6443)
    .requiredOption("--advertise-address <ip>", "where nodes and pods reach this server")
    .option("--service-cluster-ip-range <cidr>", "addresses of services", "10.96.0.0/12")
    .option("--cluster-cidr <cidr>", "addresses of pods", "10.244.0.0/16")
    .option("--etcd-servers <urls>", "an etcd cluster instead of the embedded store")
    .option("--service-account-issuer <url>", "issuer of ServiceAccount tokens", ISSUER)
    .option("--control-plane-node <name>", "the node to be marked as the one that runs this server")
    .action(async (flags: ServerFlags) => {
      const { runServer } = await import("./server/server.ts");
      await runServer(flags, clock, Math.random, world.signal);
    });
}

function addAgent(program: Command, world: World, clock: Clock): void {
  program
    .command("agent")
    .description("run a node: kubelet, kube-proxy, pod network and cluster DNS in one process")
    .requiredOption("--server <url>", "the API server")
    .requiredOption("--node-name <name>", "name of the Node object")
    .requiredOption("--node-ip <ip>", "its address")
    .option("--kubelet-port <port>", "port of the kubelet's API", integer, 10_250)
    .requiredOption(
      "--cert-dir <path>",
      "folder with ca, kubelet, kubelet-client, kube-proxy and coredns keys",
    )
    .requiredOption("--root-dir <path>", "kubelet's folder")
    .requiredOption("--pod-logs-dir <path>", "folder of container logs")
    .requiredOption("--pod-manifest-path <path>", "folder of static pods")
    .option("--log-dir <path>", "a log file for each component; default: standard error")
    .option("--pid-dir <path>", "folder of the supervisor's pid files")
    .option("--cluster-dns <ip>", "name server of pods", "10.96.0.10")
    .option("--cluster-domain <name>", "domain of services", "cluster.local")
    .option("--cluster-cidr <cidr>", "addresses of pods", "10.244.0.0/16")
    .option("--service-cluster-ip-range <cidr>", "addresses of services", "10.96.0.0/12")
    .addOption(
      new Option("--container-runtime <name>", "what runs containers")
        .choices(["containerd", "simulated"])
        .default("containerd"),
    )
    .option("--container-runtime-endpoint <path>", "containerd's socket", "/run/containerd/containerd.sock")
    .option("--cgroup-root <path>", "parent of the pods' cgroups", "/")
    .option("--cni-conf-dir <path>", "where the network's configuration is written", "/etc/cni/net.d")
    .option("--cni-data-dir <path>", "where addresses in use are remembered", "/var/lib/cni/networks")
    .option(
      "--eviction-hard <signals>",
      "when the node reports pressure: nodefs.available<10%,…",
      parseEvictionHard,
    )
    .option("--resolv-conf <path>", "resolvers for names outside the cluster; default: none")
    .option("--control-plane", "this node runs the control plane too", false)
    .action(async (flags: AgentFlags) => {
      const { runAgent } = await import("./agent/agent.ts");
      await runAgent(flags, clock, Math.random, world.signal);
    });
}
