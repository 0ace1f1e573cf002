/** The commands that are processes: server and agent. @module */
import { hostname } from "node:os";
import { Option, type Command } from "commander";
import type { Clock } from "#apimachinery";
import type { AgentFlags } from "./agent/agent.ts";
import { addComponentHealthFlags } from "./agent/component-flags.ts";
import { plainEndpoints } from "./agent/plain-http-flag.ts";
import { addResourceFlags } from "./agent/resource-flags.ts";
import { addAuthenticationFlags } from "./server/authentication-flags.ts";
import { addAuthorizationFlags } from "./server/authorization-flags.ts";
import { addAdmissionFlags } from "./server/admission-flags.ts";
import { addAuditFlags } from "./server/audit-flags.ts";
import { addComponentFlags } from "./server/component-flags.ts";
import { addControllerManager } from "./controller-manager/add-command.ts";
import { addControllerFlags } from "./controller-manager/controller-flags.ts";
import { addLeaderElectionFlags } from "./leader-election-flags.ts";
import { addShutdownFlags } from "./server/shutdown-flags.ts";
import { addStorageFlags } from "./server/storage-flags.ts";
import { addFlowControlFlags } from "./server/flow-control-flags.ts";
import { addFrontProxyFlags } from "./server/front-proxy-flags.ts";
import { collect, integer } from "./cluster-commands.ts";
import { bool, durationMs } from "./flag-values.ts";
import type { World } from "./k8ts.ts";
import type { KubeSchedulerFlags } from "./scheduler/kube-scheduler.ts";
import type { ServerFlags } from "./server/server.ts";

/** Components are imported when they run: `k8ts status` must not load an API server. */
export function addComponentCommands(program: Command, world: World, clock: Clock): void {
  addServer(program, world, clock);
  addAgent(program, world, clock);
  addScheduler(program, world, clock);
  addControllerManager(program, world, clock);
}

function addScheduler(program: Command, world: World, clock: Clock): void {
  program
    .command("kube-scheduler")
    .description(
      "run a scheduler of its own, with the profiles, plugins and extenders of a configuration file",
    )
    .option("--config <path>", "a KubeSchedulerConfiguration file (kubescheduler.config.k8s.io/v1)")
    .option(
      "--kubeconfig <path>",
      "the API server, instead of the configuration's clientConnection.kubeconfig",
    )
    .option("--leader-elect [bool]", "of several schedulers one works at a time", bool)
    .option("--log-dir <path>", "a log file; default: standard error")
    .action(async (flags: KubeSchedulerFlags) => {
      const { runKubeScheduler } = await import("./scheduler/kube-scheduler.ts");
      await runKubeScheduler(flags, clock, Math.random, world.signal);
    });
}

function addServer(program: Command, world: World, clock: Clock): void {
  const command = program
    .command("server")
    .description("run the control plane: API server, store, controllers and scheduler in one process")
    .requiredOption("--data-dir <path>", "folder of the embedded store")
    .requiredOption("--cert-dir <path>", "folder with ca, apiserver, apiserver-kubelet-client and sa keys")
    .option("--log-dir <path>", "a log file for each component; default: standard error")
    .option("--bind-address <ip>", "where to listen", "0.0.0.0")
    .option("--secure-port <port>", "where to listen", integer, 6443)
    .requiredOption("--advertise-address <ip>", "where nodes and pods reach this server")
    .option(
      "--service-cluster-ip-range <cidrs>",
      "addresses of services; two families with a comma",
      "10.96.0.0/12",
    )
    .option("--cluster-cidr <cidrs>", "addresses of pods; two families with a comma", "10.244.0.0/16")
    .option("--etcd-servers <urls>", "an etcd cluster instead of the embedded store")
    .option(
      "--runtime-config <version=bool,…>",
      "beta versions to serve, like storagemigration.k8s.io/v1beta1=true",
    )
    .option("--nodes-dir <path>", "folder of nodes, PATH/NODE/pki, whose serving certificates are renewed")
    .option("--control-plane-node <name>", "the node to be marked as the one that runs this server")
    .action(async (flags: ServerFlags) => {
      const { runServer } = await import("./server/server.ts");
      await runServer(flags, clock, Math.random, world.signal);
    });
  addAuditFlags(command);
  addAdmissionFlags(command);
  addAuthenticationFlags(command);
  addAuthorizationFlags(command);
  addShutdownFlags(command);
  addStorageFlags(command);
  addComponentFlags(command);
  addControllerFlags(command);
  addLeaderElectionFlags(command, "true with --etcd-servers, which other servers may share");
  addFlowControlFlags(command);
  addFrontProxyFlags(command);
}

function addAgent(program: Command, world: World, clock: Clock): void {
  const command = program
    .command("agent")
    .description("run a node: kubelet, kube-proxy, pod network and cluster DNS in one process")
    .option("--server <url>", "the API server")
    .option("--token <token>", "join with a bootstrap token: k8ts token create")
    .option(
      "--discovery-token-ca-cert-hash <hash>",
      "sha256:… of the cluster's authority; may be repeated",
      collect,
    )
    .option("--discovery-token-unsafe-skip-ca-verification", "believe whoever knows the token", false)
    .option("--discovery-timeout <duration>", "how long to wait for the cluster (default 5m)", durationMs)
    .option("--bootstrap-kubeconfig <path>", "join with the server, authority and token of a file")
    .option(
      "--rotate-server-certificates",
      "request the kubelet's serving certificate, to be approved",
      false,
    )
    .option("--node-name <name>", "name of the Node object", hostname().toLowerCase())
    .option(
      "--node-ip <ips>",
      "its address, or one of each family with a comma; default: from which the server is reached",
    )
    .option("--config <path>", "a KubeletConfiguration file (kubelet.config.k8s.io/v1beta1); flags win")
    .option("--kubelet-port <port>", "port of the kubelet's API", integer, 10_250)
    .option("--cert-dir <path>", "folder of ca.crt and the node's certificates", "/var/lib/kubelet/pki")
    .option("--root-dir <path>", "kubelet's folder", "/var/lib/kubelet")
    .option("--pod-logs-dir <path>", "folder of container logs", "/var/log/pods")
    .option("--pod-manifest-path <path>", "folder of static pods", "/etc/kubernetes/manifests")
    .option("--log-dir <path>", "a log file for each component; default: standard error")
    .option("--pid-dir <path>", "folder of the supervisor's pid files")
    .addOption(
      new Option("--container-runtime <name>", "what runs containers")
        .choices(["containerd", "simulated"])
        .default("containerd"),
    )
    .option("--container-runtime-endpoint <path>", "containerd's socket", "/run/containerd/containerd.sock")
    .option("--control-plane", "this node runs the control plane too", false)
    .action(async (asked: AgentFlags) => {
      const { runAgent } = await import("./agent/agent.ts");
      const { resourceOptions } = await import("./agent/resource-options.ts");
      try {
        resourceOptions(asked);
      } catch (err) {
        command.error(`error: ${(err as Error).message}`);
      }
      const { withFileFlags } = await import("./agent/kubelet-config-file.ts");
      const flags = await withFileFlags(asked, (name) => command.getOptionValueSource(name) === "cli");
      await runAgent(flags, clock, Math.random, world.signal);
    });
  addNodeNetworkFlags(command);
  addComponentHealthFlags(command);
  addResourceFlags(command);
}

function addNodeNetworkFlags(command: Command): void {
  command
    .option("--cluster-dns <ips>", "name servers of pods, with commas", "10.96.0.10")
    .option("--cluster-domain <name>", "domain of services", "cluster.local")
    .option("--cluster-cidr <cidrs>", "addresses of pods; two families with a comma", "10.244.0.0/16")
    .option(
      "--service-cluster-ip-range <cidrs>",
      "addresses of services; two families with a comma",
      "10.96.0.0/12",
    )
    .option(
      "--service-load-balancer-range <cidrs>",
      "addresses of LoadBalancer services on the nodes' network, which nodes answer for; default: none",
    )
    .option(
      "--nodeport-addresses <cidrs>",
      "where node ports answer: ranges of the machine's addresses, or primary for the node's own",
      "primary",
    )
    .option(
      "--proxy-config <path>",
      "a KubeProxyConfiguration file (kubeproxy.config.k8s.io/v1alpha1); it wins over flags",
    )
    .option("--proxy-healthz-port <port>", "of kube-proxy's /healthz and /livez; 0: none", integer, 10_256)
    .option("--proxy-metrics-port <port>", "of kube-proxy's /metrics, on 127.0.0.1; 0: none", integer, 10_249)
    .option("--dns-metrics-port <port>", "of cluster DNS' /metrics; 0: none", integer, 9_153)
    .option("--dns-health-port <port>", "of cluster DNS' /health; 0: none", integer, 0)
    .option("--dns-ready-port <port>", "of cluster DNS' /ready; 0: none", integer, 8_181)
    .option(
      "--plain-http <endpoints>",
      "what answers without TLS: dns-metrics, dns-health, dns-ready, proxy-healthz, with commas; default: nothing",
      plainEndpoints,
    )
    .option("--cni-conf-dir <path>", "where the network's configuration is written", "/etc/cni/net.d")
    .option("--cni-data-dir <path>", "where addresses in use are remembered", "/var/lib/cni/networks")
    .addOption(
      new Option(
        "--network-plugin <name>",
        "the network of pods: ours, or the one configured in --cni-conf-dir",
      )
        .choices(["k8ts", "cni"])
        .default("k8ts"),
    )
    .addOption(
      new Option("--pod-network-tunnel <when>", "VXLAN to other nodes; auto: to those behind a router")
        .choices(["auto", "always", "never"])
        .default("auto"),
    )
    .option("--pod-network-mtu <bytes>", "of pods; default: by the node's link", integer)
    .option(
      "--resolv-conf <path>",
      'resolv.conf for pods with the node\'s resolver (default /etc/resolv.conf) and for cluster DNS (default none); "": none',
    );
}
