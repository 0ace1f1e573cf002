/**
 * Nodes as network namespaces on a private bridge: real containers and a real network, with the machine's own firewall and
 * routes left alone. A node has no default route, so nothing a pod sends can leave by the machine's uplink.
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Profile, NodeSpec } from "../profile.ts";
import { contextName } from "../profile.ts";
import { runCommand, tryCommand } from "#component-base";
import { EXIT, UserError } from "../user-error.ts";
import type { Driver } from "./driver.ts";
import { interfaceOf, parseRoutes, type Route } from "./routed-subnets.ts";

/** minikube's first subnet and its step, so that what people know stays true. */
const SUBNETS = Array.from({ length: 20 }, (_, i) => 49 + 9 * i).map((third) => `192.168.${third}`);
const PREFIX_LENGTH = 24;
/** The gateway is .1, the first node .2. */
const FIRST_NODE = 2;
export const NODES_MAX = 200;
/** Above the nodes: the addresses of LoadBalancer services. */
const LOAD_BALANCERS = "224/27";

export const netnsDriver: Driver = {
  name: "netns",
  isReal: true,
  packages: {
    ip: "iproute2",
    nft: "nftables",
    nsenter: "util-linux",
    containerd: "containerd",
    runc: "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
  },

  async up(profile, signal) {
    const { bridge, gateway, prefixLength } = networkOf(profile);
    if (!existsSync(`/sys/class/net/${bridge}`)) {
      refuseTakenSubnet(profile);
      await runCommand(["ip", "link", "add", bridge, "type", "bridge"], {}, signal);
      await runCommand(["ip", "addr", "add", `${gateway}/${prefixLength}`, "dev", bridge], {}, signal);
    }
    await runCommand(["ip", "link", "set", bridge, "up"], {}, signal);
    for (const node of profile.nodes) await this.nodeUp(profile, node, signal);
  },

  async nodeUp(profile, node, signal) {
    const { bridge, prefixLength } = networkOf(profile);
    const ns = namespaceOf(node);
    const veth = vethOf(node);
    if (existsSync(`/run/netns/${ns}`) && existsSync(`/sys/class/net/${veth}`)) return;
    await this.nodeDown(profile, node, signal);
    await runCommand(["ip", "netns", "add", ns], {}, signal);
    const lines = [
      `link add ${veth} type veth peer name eth0 netns ${ns}`,
      `link set ${veth} master ${bridge} up`,
    ];
    await runCommand(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` }, signal);
    const inside = ["link set lo up", `addr add ${node.ip}/${prefixLength} dev eth0`, "link set eth0 up"];
    await runCommand(["ip", "-n", ns, "-batch", "-"], { input: `${inside.join("\n")}\n` }, signal);
  },

  async nodeDown(_profile, node, signal) {
    const ns = namespaceOf(node);
    if (existsSync(`/sys/class/net/${vethOf(node)}`))
      await tryCommand(["ip", "link", "del", vethOf(node)], {}, signal);
    if (existsSync(`/run/netns/${ns}`)) await runCommand(["ip", "netns", "del", ns], {}, signal);
  },

  // the bridge outlives a stop: it keeps the addresses from other clusters, and what clients still send to them from the uplink
  async down(profile, signal) {
    for (const node of profile.nodes) await this.nodeDown(profile, node, signal);
  },

  async remove(profile, signal) {
    await this.down(profile, signal);
    const { bridge } = networkOf(profile);
    if (existsSync(`/sys/class/net/${bridge}`)) await runCommand(["ip", "link", "del", bridge], {}, signal);
  },

  onNode: (_profile, node, command) => ["nsenter", `--net=/run/netns/${namespaceOf(node)}`, "--", ...command],
};

/** A network that no interface of this machine and no other profile uses. */
export function chooseNetwork(profile: string, others: readonly Profile[]): NonNullable<Profile["network"]> {
  const routes = readRoutes();
  const taken = new Set(others.map((other) => other.network?.gateway));
  const prefix = SUBNETS.find(
    (subnet) => !taken.has(`${subnet}.1`) && interfaceOf(routes, `${subnet}.1`, PREFIX_LENGTH) === undefined,
  );
  if (prefix === undefined) {
    throw new UserError("every subnet from 192.168.49.0/24 to 192.168.220.0/24 is in use on this machine", {
      id: "SUBNET_EXHAUSTED",
      exitCode: EXIT.unavailable,
      fix: "k8ts profile list, then k8ts delete -p PROFILE",
    });
  }
  return {
    bridge: `k8ts-${digest(contextName(profile))}`,
    gateway: `${prefix}.1`,
    prefixLength: PREFIX_LENGTH,
  };
}

/** After a reboot the bridge is made anew, and its range may have gone to somebody else meanwhile. */
function refuseTakenSubnet(profile: Profile): void {
  const { bridge, gateway, prefixLength } = networkOf(profile);
  const other = interfaceOf(readRoutes(), gateway, prefixLength, bridge);
  if (other === undefined) return;
  const range = `${gateway.replace(/\.\d+$/, ".0")}/${prefixLength}`;
  throw new UserError(`the addresses of this cluster, ${range}, are in use by the interface ${other}`, {
    id: "SUBNET_IN_USE",
    exitCode: EXIT.unavailable,
    fix: `remove ${other}, or k8ts delete -p ${profile.name} and start again`,
  });
}

function readRoutes(): readonly Route[] {
  return parseRoutes(readFileSync("/proc/net/route", "utf8"));
}

export function nodeAddress(network: NonNullable<Profile["network"]>, index: number): string {
  return network.gateway.replace(/\.\d+$/, `.${FIRST_NODE + index}`);
}

export function loadBalancerRange(network: NonNullable<Profile["network"]>): string {
  return network.gateway.replace(/\.\d+$/, `.${LOAD_BALANCERS}`);
}

export function namespaceOf(node: NodeSpec): string {
  return `${node.name}.node`;
}

function networkOf(profile: Profile): NonNullable<Profile["network"]> {
  if (profile.network === undefined) throw new Error(`profile ${profile.name} has no network`);
  return profile.network;
}

/** Interface names hold 15 bytes. */
function vethOf(node: NodeSpec): string {
  return `k8tsv-${digest(node.name)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
