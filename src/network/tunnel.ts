/**
 * VXLAN to the nodes behind a router, which would not know the way to a pod. A node's end of the tunnel has a hardware address
 * made of the node's address and the first address of its pods: each node knows those of all others from their Node objects.
 * @module
 */
import { PROTO } from "./route-mark.ts";

export const TUNNEL = "k8ts.vxlan";
/** Linux' own port, as other pod networks use it. */
const UDP_PORT = 8472;
const NETWORK_ID = 88;
/** Outer Ethernet, IPv4, UDP and VXLAN headers. */
export const TUNNEL_OVERHEAD_BYTES = 50;

/** podCIDR -> address of its node; "" when it is not known any more. */
export type Tunnels = ReadonlyMap<string, string>;

/** The link that carries the node's address. */
export interface Link {
  readonly name: string;
  readonly mtu: number;
  readonly prefixLength: number;
}

export interface TunnelEnd {
  readonly nodeIP: string;
  readonly podCIDR: string;
  readonly link: Link;
  readonly mtu: number;
}

/** `ip -batch` lines; safe to repeat. `isThere`: the interface exists, with this address. */
export function tunnelEndLines(
  { nodeIP, podCIDR, link, mtu }: TunnelEnd,
  isThere: boolean,
): readonly string[] {
  const type = `type vxlan id ${NETWORK_ID} local ${nodeIP} dev ${link.name} dstport ${UDP_PORT} nolearning`;
  return [
    ...(isThere ? [] : [`link add ${TUNNEL} address ${hardwareAddress(nodeIP)} ${type}`]),
    `address replace ${gatewayOf(podCIDR)}/32 dev ${TUNNEL}`,
    `link set ${TUNNEL} mtu ${mtu} up`,
  ];
}

export interface TunnelLines {
  /** For `ip -batch`, before other routes change. */
  readonly remove: readonly string[];
  /** For `bridge -batch`. */
  readonly forward: readonly string[];
  /** For `ip -batch`, after other routes changed. */
  readonly add: readonly string[];
}

export function tunnelLines(old: Tunnels, wanted: Tunnels): TunnelLines {
  const gone = [...old].filter(([podCIDR]) => !wanted.has(podCIDR));
  const changed = [...wanted].filter(([podCIDR, nodeIP]) => old.get(podCIDR) !== nodeIP);
  return {
    remove: gone.map(([podCIDR]) => `route del ${podCIDR} proto ${PROTO}`),
    forward: changed.map(([, ip]) => `fdb replace ${hardwareAddress(ip)} dev ${TUNNEL} dst ${ip}`),
    add: changed.flatMap(([podCIDR, nodeIP]) => [
      `neigh replace ${gatewayOf(podCIDR)} lladdr ${hardwareAddress(nodeIP)} dev ${TUNNEL} nud permanent`,
      `route replace ${podCIDR} via ${gatewayOf(podCIDR)} dev ${TUNNEL} onlink proto ${PROTO}`,
    ]),
  };
}

/** Routes of an earlier agent, told apart: those that lead through the tunnel have the range's first address as gateway. */
export function splitRoutes(routes: ReadonlyMap<string, string>): {
  readonly routes: ReadonlyMap<string, string>;
  readonly tunnels: Tunnels;
} {
  return {
    routes: new Map([...routes].filter((route) => !isTunnel(route))),
    tunnels: new Map([...routes].filter(isTunnel).map(([podCIDR]) => [podCIDR, ""])),
  };
}

function isTunnel([podCIDR, via]: readonly [string, string]): boolean {
  return via === gatewayOf(podCIDR);
}

/** Whether a packet from one reaches the other without a router. */
export function isOnLink(
  nodeIP: string,
  other: string,
  { prefixLength }: Pick<Link, "prefixLength">,
): boolean {
  const shift = 32 - prefixLength;
  return shift >= 32 || numberOf(nodeIP) >>> shift === numberOf(other) >>> shift;
}

/** No pod has it: the bridge plugin gives addresses from the second on. */
function gatewayOf(podCIDR: string): string {
  return podCIDR.slice(0, podCIDR.indexOf("/"));
}

/** Locally administered, and unique as the address is. */
function hardwareAddress(nodeIP: string): string {
  const bytes = nodeIP.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return ["0a", "58", ...bytes].join(":");
}

function numberOf(ip: string): number {
  return ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
