/** Chooses what a new cluster looks like: its driver, addresses and names. @module */
import { checkRanges } from "./address-ranges.ts";
import { hostAddress } from "./drivers/host.ts";
import { NODES_MAX, chooseNetwork, networkRange, nodeAddress } from "./drivers/netns.ts";
import { nthIp, parseIpRanges } from "#api/validation/ip-range";
import { familiesOf } from "./ip-family.ts";
import type { LauncherEnv } from "./paths.ts";
import type { ExtraOption } from "./extra-config.ts";
import type { PodNetwork } from "./pod-network.ts";
import { freePort } from "./preflight.ts";
import { listProfiles, nodeName, type DriverName, type NodeSpec, type Profile } from "./profile.ts";
import { EXIT, UserError } from "./user-error.ts";

export interface NewProfileOptions {
  readonly profile: string;
  readonly driver: DriverName;
  readonly nodes: number;
  readonly apiServerPort: number;
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  readonly dnsDomain: string;
  /** `HOST:PORT` each; a cluster that exists learns them too. */
  readonly insecureRegistries: readonly string[];
  /** Absent: the network of pods that is built in. */
  readonly podNetwork?: PodNetwork;
  /** Flags of components; a cluster that exists learns them too, and has them after its next start. */
  readonly extraConfig: readonly ExtraOption[];
  /** Whether the user gave this flag. */
  readonly isExplicit: (flag: string) => boolean;
}

const KUBELET_PORT = 10_250;
const DNS_OFFSET = 10;

export async function newProfile(env: LauncherEnv, options: NewProfileOptions): Promise<Profile> {
  const { driver } = options;
  const nodesMax = driver === "host" ? 1 : NODES_MAX;
  if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > nodesMax) {
    throw new UserError(`--nodes must be from 1 to ${nodesMax} with the ${driver} driver`, {
      id: "NODES_INVALID",
      exitCode: EXIT.usage,
      fix: nodesMax === 1 ? "k8ts start --driver=netns --nodes=3" : "k8ts start --nodes=3",
    });
  }
  const profiles = await listProfiles(env);
  const network = driver === "netns" ? chooseNetwork(env.home, options.profile, profiles) : undefined;
  const families = familiesOf(options.podCIDR);
  if (driver === "simulated" && families.join() !== "IPv4") {
    throw new UserError("pods of the simulated driver have IPv4 addresses alone", {
      id: "IP_FAMILY_UNSUPPORTED",
      exitCode: EXIT.usage,
      fix: "k8ts start --driver=netns --ip-family=dual",
    });
  }
  if (driver === "simulated" && options.podNetwork !== undefined) {
    throw new UserError("pods of the simulated driver have no network that a plugin could make", {
      id: "CNI_UNSUPPORTED",
      exitCode: EXIT.usage,
      fix: "k8ts start --driver=netns --cni=FILE",
    });
  }
  const addresses = (index: number): readonly string[] =>
    addressesOf({ driver, podCIDR: options.podCIDR, ...(network !== undefined && { network }) }, index);
  checkRanges({
    podCIDR: options.podCIDR,
    serviceCIDR: options.serviceCIDR,
    nodeCIDR:
      network === undefined
        ? addresses(0).map(hostRange).join()
        : families.map((family) => networkRange(network, family)).join(),
    nodes: options.nodes,
  });
  const others = profiles.filter((profile) => profile.driver === driver);
  const otherNodes = others.flatMap((profile) => profile.nodes);
  const nodes: NodeSpec[] = [];
  for (let index = 0; index < options.nodes; index++)
    nodes.push(await newNode(options.profile, driver, index, addresses(index), [...otherNodes, ...nodes]));
  const host = addresses(0)[0]!;
  const isPortFree = driver === "netns" || options.isExplicit("apiserver-port");
  const taken = others.map((profile) => profile.apiServer.port);
  const port = isPortFree ? options.apiServerPort : await freePort(host, options.apiServerPort, taken);
  return {
    name: options.profile,
    driver,
    nodes,
    ...(network !== undefined && { network }),
    apiServer: { host, port },
    podCIDR: options.podCIDR,
    serviceCIDR: options.serviceCIDR,
    dnsIP: nthIp(parseIpRanges(options.serviceCIDR)[0]!, DNS_OFFSET),
    dnsDomain: options.dnsDomain,
    ...(options.podNetwork !== undefined && { podNetwork: options.podNetwork }),
    kubeconfig: env.kubeconfig,
  };
}

/** Of the node with that index: one of each family that pods have. */
export function addressesOf(
  { driver, network, podCIDR }: Pick<Profile, "driver" | "network" | "podCIDR">,
  index: number,
): readonly string[] {
  return familiesOf(podCIDR).map((family) => {
    if (network !== undefined) return nodeAddress(network, index, family);
    return driver === "host" ? hostAddress(family) : "127.0.0.1";
  });
}

function hostRange(ip: string): string {
  return `${ip}/${ip.includes(":") ? 128 : 32}`;
}

/** While a simulated node was stopped, somebody else may have taken its kubelet's port. */
export async function withFreePorts(
  profile: Profile,
  isRunning: (node: NodeSpec) => Promise<boolean>,
): Promise<Profile> {
  if (profile.driver !== "simulated") return profile;
  const nodes: NodeSpec[] = [];
  for (const [i, node] of profile.nodes.entries()) {
    const taken = [...nodes, ...profile.nodes.slice(i + 1)].map((other) => other.kubeletPort);
    const port = (await isRunning(node))
      ? node.kubeletPort
      : await freePort(node.ip, node.kubeletPort, taken);
    nodes.push({ ...node, kubeletPort: port });
  }
  return { ...profile, nodes };
}

/** Simulated nodes, also those of other clusters, share one address, so each has a kubelet port of its own. */
export async function newNode(
  profile: string,
  driver: DriverName,
  index: number,
  ips: readonly string[],
  others: readonly NodeSpec[],
): Promise<NodeSpec> {
  const [ip = ""] = ips;
  const taken = others.map((node) => node.kubeletPort);
  return {
    name: nodeName(profile, index),
    ip,
    ...(ips.length > 1 && { ips }),
    role: index === 0 ? "control-plane" : "worker",
    kubeletPort: driver === "simulated" ? await freePort(ip, KUBELET_PORT + index, taken) : KUBELET_PORT,
  };
}
