/**
 * Nodes as network namespaces on a private bridge: real containers and a real network, with the machine's own firewall and
 * routes left alone. A node has no default route, so nothing a pod sends can leave by the machine's uplink.
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { IpFamily } from "#api/validation/ip";
import { systemClock } from "#apimachinery";
import { familiesOf } from "../ip-family.ts";
import { ipsOf, type NodeSpec, type Profile } from "../profile.ts";
import { runCommand, tryCommand } from "#component-base";
import { EXIT, UserError } from "../user-error.ts";
import {
  bridgeName,
  bridgeOfPort,
  bridgeOwner,
  claimBridge,
  isClaimable,
  releaseBridge,
  type Network,
} from "./bridge.ts";
import type { Driver } from "./driver.ts";
import { hasProcesses } from "./namespace-processes.ts";
import { interfaceOf, parseRoutes, type Route } from "./routed-subnets.ts";

/** minikube's first subnet and its step, so that what people know stays true. */
const SUBNETS = Array.from({ length: 20 }, (_, i) => 49 + 9 * i);
const PREFIX_LENGTH = 24;
const PREFIX_LENGTH_6 = 64;
/** The gateway is .1, the first node .2. */
const FIRST_NODE = 2;
export const NODES_MAX = 200;
const EMPTY_TRIES_MAX = 40;
const EMPTY_RETRY_MS = 100;
/** Above the nodes: the addresses of LoadBalancer services, the same places in each family. */
const LOAD_BALANCERS = { IPv4: "224/27", IPv6: "e0/123" } as const;

export const netnsDriver: Driver = {
  name: "netns",
  isReal: true,
  packages: {
    ip: "iproute2",
    nft: "nftables",
    conntrack: "conntrack",
    nsenter: "util-linux",
    containerd: "containerd",
    runc: "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
  },

  async up(profile, signal) {
    const network = networkOf(profile);
    const { bridge, gateway, prefixLength } = network;
    refuseTakenSubnet(profile);
    if (!(await claimBridge(network, signal))) throw subnetInUse(profile, bridge);
    const lines = [`addr replace ${gateway}/${prefixLength} dev ${bridge}`, `link set ${bridge} up`];
    if (familiesOf(profile.podCIDR).includes("IPv6"))
      lines.push(`addr replace ${networkRange(network, "IPv6")} dev ${bridge} nodad`);
    await runCommand(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` }, signal);
    for (const node of profile.nodes) await this.nodeUp(profile, node, signal);
  },

  async nodeUp(profile, node, signal) {
    const { bridge } = networkOf(profile);
    const ns = namespaceOf(node);
    const veth = vethOf(node);
    if (existsSync(`/run/netns/${ns}`) && bridgeOfPort(veth) === bridge) return;
    await this.nodeDown(profile, node, signal);
    await runCommand(["ip", "netns", "add", ns], {}, signal);
    const lines = [
      `link add ${veth} type veth peer name eth0 netns ${ns}`,
      `link set ${veth} master ${bridge} up`,
    ];
    await runCommand(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` }, signal);
    const inside = ["link set lo up", ...ipsOf(node).map(addressLine), "link set eth0 up"];
    await runCommand(["ip", "-n", ns, "-batch", "-"], { input: `${inside.join("\n")}\n` }, signal);
  },

  async nodeDown(_profile, node, signal) {
    const ns = namespaceOf(node);
    if (existsSync(`/sys/class/net/${vethOf(node)}`))
      await tryCommand(["ip", "link", "del", vethOf(node)], {}, signal);
    await emptied(ns, signal);
    if (existsSync(`/run/netns/${ns}`)) await runCommand(["ip", "netns", "del", ns], {}, signal);
  },

  // the bridge outlives a stop: it keeps the addresses from other clusters, and what clients still send to them from the uplink
  async down(profile, signal) {
    for (const node of profile.nodes) await this.nodeDown(profile, node, signal);
  },

  async remove(profile, signal) {
    await this.down(profile, signal);
    await releaseBridge(networkOf(profile), signal);
  },

  onNode: (_profile, node, command) => ["nsenter", `--net=/run/netns/${namespaceOf(node)}`, "--", ...command],
};

/** Who keeps the addresses of a killed agent sees that the node's link is gone and ends within a second; nobody else is there any more. */
async function emptied(namespace: string, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < EMPTY_TRIES_MAX && hasProcesses(namespace); tries++)
    await systemClock.sleep(EMPTY_RETRY_MS, signal);
}

/** A network that no interface of this machine and no other profile uses. It is the cluster's once its bridge is claimed. */
export function chooseNetwork(home: string, profile: string, others: readonly Profile[]): Network {
  const routes = readRoutes();
  const taken = new Set(others.map((other) => other.network?.gateway));
  const owner = bridgeOwner(home, profile);
  const network = SUBNETS.map((third): Network => {
    const gateway = `192.168.${third}.1`;
    return { bridge: bridgeName(third), gateway, prefixLength: PREFIX_LENGTH, owner };
  }).find(
    (each) =>
      !taken.has(each.gateway) &&
      isClaimable(each) &&
      interfaceOf(routes, each.gateway, PREFIX_LENGTH, each.bridge) === undefined,
  );
  if (network === undefined) {
    throw new UserError("every subnet from 192.168.49.0/24 to 192.168.220.0/24 is in use on this machine", {
      id: "SUBNET_EXHAUSTED",
      exitCode: EXIT.unavailable,
      fix: "k8ts profile list, then k8ts delete -p PROFILE",
    });
  }
  return network;
}

/** Namespaces and sockets bear the profile's name, so that another home's cluster of that name would be taken apart. */
export function refuseForeignNodes(profile: Profile): void {
  if (profile.driver !== "netns") return;
  const namespace = profile.nodes.map(namespaceOf).find(hasProcesses);
  if (namespace === undefined) return;
  throw new UserError(
    `a cluster called "${profile.name}" runs on this machine under another home, in the namespace ${namespace}`,
    {
      id: "PROFILE_ELSEWHERE",
      exitCode: EXIT.unavailable,
      fix: `k8ts start -p OTHER, or with that cluster's K8TS_HOME k8ts delete -p ${profile.name}`,
    },
  );
}

/** After a reboot the bridge is made anew, and its range may have gone to somebody else meanwhile. */
function refuseTakenSubnet(profile: Profile): void {
  const { bridge, gateway, prefixLength } = networkOf(profile);
  const other = interfaceOf(readRoutes(), gateway, prefixLength, bridge);
  if (other === undefined) return;
  throw subnetInUse(profile, other);
}

function subnetInUse(profile: Profile, other: string): UserError {
  const { gateway, prefixLength } = networkOf(profile);
  const range = `${gateway.replace(/\.\d+$/, ".0")}/${prefixLength}`;
  return new UserError(`the addresses of this cluster, ${range}, are in use by the interface ${other}`, {
    id: "SUBNET_IN_USE",
    exitCode: EXIT.unavailable,
    fix: `remove ${other}, or k8ts delete -p ${profile.name} and start again`,
  });
}

function readRoutes(): readonly Route[] {
  return parseRoutes(readFileSync("/proc/net/route", "utf8"));
}

export function nodeAddress(network: Network, index: number, family: IpFamily = "IPv4"): string {
  const place = FIRST_NODE + index;
  return family === "IPv4"
    ? network.gateway.replace(/\.\d+$/, `.${place}`)
    : `${prefix6(network)}${place.toString(16)}`;
}

/** The gateway's address with the length of the prefix. */
export function networkRange(network: Network, family: IpFamily): string {
  const { gateway, prefixLength } = network;
  return family === "IPv4" ? `${gateway}/${prefixLength}` : `${prefix6(network)}1/${PREFIX_LENGTH_6}`;
}

/** Of unique local addresses, as many as there are IPv4 subnets: whose bridge it is, its are both. */
function prefix6({ gateway }: Network): string {
  return `fd6b:3874:7300:${Number(gateway.split(".")[2]).toString(16)}::`;
}

/** Nobody else on the bridge has it: nothing waits until that is proven. */
function addressLine(ip: string): string {
  return ip.includes(":")
    ? `addr add ${ip}/${PREFIX_LENGTH_6} dev eth0 nodad`
    : `addr add ${ip}/${PREFIX_LENGTH} dev eth0`;
}

export function loadBalancerRange(network: Network, family: IpFamily): string {
  const range = LOAD_BALANCERS[family];
  return family === "IPv4" ? network.gateway.replace(/\.\d+$/, `.${range}`) : `${prefix6(network)}${range}`;
}

export function namespaceOf(node: NodeSpec): string {
  return `${node.name}.node`;
}

function networkOf(profile: Profile): Network {
  if (profile.network === undefined) throw new Error(`profile ${profile.name} has no network`);
  return profile.network;
}

/** Interface names hold 15 bytes. */
export function vethOf(node: NodeSpec): string {
  return `k8tsv-${digest(node.name)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
