/** `k8ts agent`: what runs on a node: kubelet, kube-proxy, the pod network and cluster DNS in one process. @module */
import { ConfigMaps } from "#api/core/v1/configmap";
import type { Clock } from "#apimachinery";
import {
  newClient,
  newEventSeriesRecorder,
  newInformerFactory,
  type Client,
  type EventRecorder,
} from "#client";
import type { HttpTransport } from "#client/node";
import { Metrics, TaskGroup, type HttpCertificates, type Live } from "#component-base";
import {
  createContainerdRuntime,
  createSimulatedRuntime,
  sweepOrphanShims,
  withComponents,
  type Runtime,
} from "#cri";
import { CONFIG_NAME, CONFIG_NAMESPACE, runDns } from "#dns";
import {
  CertificateMetrics,
  linuxPlatform,
  runKubelet,
  simulatedPlatform,
  type KubeletOptions,
} from "#kubelet";
import { runNetwork, systemNetworkTools, type NetworkPlugin, type TunnelMode } from "#network";
import { runProxy } from "#proxy";
import { agentLogDir, componentLogger } from "../component-log.ts";
import { addressTowards } from "./address-towards.ts";
import { componentTransport, nodeTransport, servingCertificate, type NodeIdentity } from "./certificates.ts";
import type { ComponentHealthFlags } from "./component-flags.ts";
import { healthChecks } from "./component-health.ts";
import { componentsOf, writeManifests } from "./components.ts";
import { withConfigFile } from "./kubelet-config-file.ts";
import { joinCluster, type JoinFlags } from "./join.ts";
import { metricsAccess } from "./metrics-access.ts";
import { nodeIpsOfFlag, withOtherFamily } from "./node-addresses.ts";
import { dnsEndpoints, proxyLivezUrl, securityOf, type EndpointFlags } from "./node-endpoints.ts";
import { nodeResolvers } from "./node-resolvers.ts";
import { ensurePauseImage } from "./pause-image.ts";
import { proxySettings, type ProxyFlags, type ProxySettings } from "./proxy-options.ts";
import type { ResourceFlags } from "./resource-flags.ts";
import { resourceOptions } from "./resource-options.ts";

export interface AgentFlags
  extends JoinFlags, ResourceFlags, ComponentHealthFlags, ProxyFlags, EndpointFlags {
  readonly nodeIp?: string;
  readonly rotateServerCertificates?: boolean;
  /** A KubeletConfiguration. */
  readonly config?: string;
  readonly kubeletPort: number;
  /** Where the kubelet listens. Default: the node's address. */
  readonly kubeletAddress?: string;
  /** Instead of those in the folder of certificates. */
  readonly clientCaFile?: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly podManifestPath: string;
  readonly logDir?: string;
  readonly pidDir?: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly clusterCidr: string;
  readonly serviceClusterIpRange: string;
  readonly serviceLoadBalancerRange?: string;
  readonly containerRuntime: "containerd" | "simulated";
  readonly containerRuntimeEndpoint?: string;
  readonly cniConfDir?: string;
  readonly cniDataDir?: string;
  readonly networkPlugin: NetworkPlugin;
  readonly podNetworkTunnel: TunnelMode;
  readonly podNetworkMtu?: number;
  readonly resolvConf?: string;
  readonly controlPlane: boolean;
}

/** What is known once the node belongs to a cluster. */
type JoinedFlags = AgentFlags & {
  readonly server: string;
  /** The primary one of `nodeIPs`. */
  readonly nodeIp: string;
  readonly nodeIPs: readonly string[];
};

interface Agent {
  readonly flags: JoinedFlags;
  readonly clock: Clock;
  readonly random: () => number;
  readonly isReal: boolean;
  readonly proxy: ProxySettings;
  readonly identity: NodeIdentity;
  /** What the node serves with. */
  readonly serving: Live<HttpCertificates>;
  /** Acts as the node. */
  readonly node: HttpTransport;
  /** Renews certificates. */
  readonly certificates: TaskGroup;
}

/** Until `signal` aborts. Containers, rules and routes stay: another agent takes over. */
export async function runAgent(
  flags: AgentFlags,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const logger = componentLogger("kubelet", agentLogDir(flags), clock);
  const settings = await proxySettings(flags);
  const server = await joinCluster(flags, { clock, logger }, signal);
  const nodeIPs =
    flags.nodeIp === undefined
      ? withOtherFamily(await addressTowards(server, signal), listOf(flags.clusterCidr))
      : nodeIpsOfFlag(flags.nodeIp);
  const joined: JoinedFlags = { ...flags, server, nodeIp: nodeIPs[0]!, nodeIPs };
  const isReal = flags.containerRuntime === "containerd";
  await using tasks = new TaskGroup(signal);
  const { nodeName, certDir } = flags;
  const metrics = new CertificateMetrics(clock);
  const { clientCaFile, tlsCertFile, tlsPrivateKeyFile } = flags;
  const files = { clientCaFile, tlsCertFile, tlsPrivateKeyFile };
  const identity = {
    server,
    nodeName,
    nodeIPs,
    certDir,
    files,
    clock,
    random,
    logger,
    metrics,
    clientMetrics: new Metrics(),
  };
  const node = await nodeTransport(identity, tasks);
  try {
    const serving = await servingCertificate(identity, flags.rotateServerCertificates === true, node, tasks);
    const proxy = settings(joined.nodeIp, securityOf("proxy-healthz", flags, serving));
    const common = { flags: joined, clock, random, isReal, proxy, identity, serving, node };
    const agent: Agent = { ...common, certificates: tasks };
    await writeManifests(joined, isReal);
    tasks.start("kubelet", (stop) => startKubelet(agent, stop));
    if (isReal) {
      tasks.start("shims", (stop) => startShimSweep(agent, stop));
      tasks.start("kube-proxy", (stop) => startProxyAndNetwork(agent, stop));
      tasks.start("coredns", (stop) => startDns(agent, stop));
    }
    await tasks.wait();
  } finally {
    await node.close();
  }
}

async function startKubelet(agent: Agent, signal: AbortSignal): Promise<void> {
  const { flags, clock, random } = agent;
  const logger = componentLogger("kubelet", agentLogDir(flags), clock);
  const runtime = await openRuntime(agent, signal);
  const { identity, node, serving, certificates } = agent;
  const options: KubeletOptions = {
    client: newClient(node, { userAgent: "kubelet" }),
    clock,
    random,
    logger,
    nodeName: flags.nodeName,
    nodeIPs: flags.nodeIPs,
    runtime,
    platform: agent.isReal
      ? linuxPlatform({
          rootDir: flags.rootDir,
          clock,
          logger,
          ...(flags.cgroupRoot !== undefined && { cgroupRoot: flags.cgroupRoot }),
        })
      : simulatedPlatform(),
    rootDir: flags.rootDir,
    podLogsDir: flags.podLogsDir,
    podManifestPath: flags.podManifestPath,
    clusterDNS: listOf(flags.clusterDns),
    clusterDomain: flags.clusterDomain,
    ...(flags.resolvConf !== undefined && { resolvConf: flags.resolvConf }),
    server: {
      host: flags.kubeletAddress ?? flags.nodeIp,
      port: flags.kubeletPort,
      ...serving.current,
      onCertificate: (use) => serving.follow(use, certificates.signal),
    },
    certificateMetrics: identity.metrics,
    clientMetrics: identity.clientMetrics,
    ...(await withConfigFile(flags.config, resourceOptions(flags))),
    enableCgroups: agent.isReal,
  };
  try {
    await runKubelet(options, signal);
  } finally {
    await runtime.close();
  }
}

async function openRuntime(agent: Agent, signal: AbortSignal): Promise<Runtime> {
  const { flags, clock, isReal, node: transport } = agent;
  const logger = componentLogger("kubelet", undefined, clock);
  const components = componentsOf(
    flags,
    healthChecks({ ...flags, transport, proxyLivezUrl: () => proxyLivezUrl(agent.proxy.healthz) }),
  );
  if (!isReal) return withComponents(createSimulatedRuntime({ clock }), components, { clock, logger });
  const socketPath = flags.containerRuntimeEndpoint!;
  const runtime = createContainerdRuntime({ socketPath, clock, logger });
  await ensurePauseImage(runtime, socketPath, clock, signal);
  return withComponents(runtime, components, { clock, logger });
}

function startShimSweep({ flags, clock }: Agent, signal: AbortSignal): Promise<void> {
  const logger = componentLogger("kubelet", undefined, clock);
  return sweepOrphanShims({ socketPath: flags.containerRuntimeEndpoint!, clock, logger }, signal);
}

async function startProxyAndNetwork(agent: Agent, signal: AbortSignal): Promise<void> {
  const { flags, clock } = agent;
  const { node, certificates } = agent;
  const counts = new Metrics();
  const identity = { ...agent.identity, clientMetrics: counts };
  const transport = await componentTransport(identity, "kube-proxy", node, certificates);
  const client = newClient(transport, { userAgent: "kube-proxy" });
  const informers = informersOf(agent, client);
  const logger = componentLogger("kube-proxy", agentLogDir(flags), clock);
  const { nodeName, nodeIPs, clusterCidr: clusterCIDR, serviceClusterIpRange: serviceCIDR } = flags;
  const common = { informers, clock, logger, nodeName, nodeIPs };
  const ranges = { clusterCIDRs: listOf(clusterCIDR), serviceCIDRs: listOf(serviceCIDR) };
  const { serviceLoadBalancerRange: loadBalancerRange } = flags;
  const runtime = createContainerdRuntime({ socketPath: flags.containerRuntimeEndpoint!, clock, logger });
  await using tasks = new TaskGroup(signal);
  tasks.start("proxy", (stop) =>
    runProxy(
      {
        ...common,
        ...ranges,
        ...agent.proxy,
        counts,
        events: eventsOf(agent, client, stop),
      },
      stop,
    ),
  );
  tasks.start("network", (stop) =>
    runNetwork(
      {
        ...common,
        ...ranges,
        ...(loadBalancerRange !== undefined && { loadBalancerRange }),
        tools: systemNetworkTools,
        cniConfDir: flags.cniConfDir!,
        cniDataDir: flags.cniDataDir!,
        plugin: flags.networkPlugin,
        tunnelMode: flags.podNetworkTunnel,
        ...(flags.podNetworkMtu !== undefined && { mtu: flags.podNetworkMtu }),
        sandboxes: async (until) => new Set((await runtime.listPodSandbox({}, until)).map(({ id }) => id)),
      },
      stop,
    ),
  );
  try {
    await tasks.wait();
  } finally {
    await runtime.close();
    await transport.close();
  }
}

function eventsOf({ flags, clock, random }: Agent, client: Client, signal: AbortSignal): EventRecorder {
  const parts = { client, component: "kube-proxy", host: flags.nodeName, clock, random };
  return newEventSeriesRecorder(parts, signal);
}

async function startDns(agent: Agent, signal: AbortSignal): Promise<void> {
  const { flags, clock } = agent;
  const { identity, node, certificates } = agent;
  const transport = await componentTransport(identity, "coredns", node, certificates);
  const client = newClient(transport, { userAgent: "coredns" });
  const kubelet = newClient(node, { userAgent: "kubelet" });
  const informers = informersOf(agent, client);
  const configs = informersOf(agent, client);
  const ownConfig = { namespace: CONFIG_NAMESPACE, fieldSelector: `metadata.name=${CONFIG_NAME}` };
  await using tasks = new TaskGroup(signal);
  const logger = componentLogger("coredns", agentLogDir(flags), clock);
  const options = {
    informers,
    clock,
    logger,
    listen: flags.nodeIPs.map((host) => ({ host, port: 53 })),
    clusterDomain: flags.clusterDomain,
    upstreams: await nodeResolvers(flags.resolvConf, { clock, logger }, tasks),
    configMaps: { informers: configs, informer: configs.informerFor(ConfigMaps, ownConfig) },
    ...dnsEndpoints(flags, flags.nodeIp, agent.serving, metricsAccess(kubelet, clock)),
  };
  try {
    tasks.start("DNS", (stop) => runDns(options, stop));
    await tasks.wait();
  } finally {
    await transport.close();
  }
}

function listOf(flag: string): readonly string[] {
  return flag.split(",").map((part) => part.trim());
}

function informersOf({ clock, random }: Agent, client: Client): ReturnType<typeof newInformerFactory> {
  return newInformerFactory({ client, clock, random, freeze: false });
}
