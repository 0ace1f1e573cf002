/**
 * VXLAN to the nodes behind a router, which would not know the way to a pod. A node's end of the tunnel has a hardware address
 * made of the node's address and the first address of its pods: each node knows those of all others from their Node objects.
 * @module
 */
import { createHash } from "node:crypto";
import { familyOf, isInRange, parseIpRange } from "#api/validation/ip-range";
import { PROTO } from "./route-mark.ts";

export const TUNNEL = "k8ts.vxlan";
/** Linux' own port, as other pod networks use it. */
const UDP_PORT = 8472;
const NETWORK_ID = 88;

/** Outer Ethernet, IP, UDP and VXLAN headers. */
export function tunnelOverheadBytes(nodeIP: string): number {
  return familyOf(nodeIP) === "IPv4" ? 50 : 70;
}

/** podCIDR -> address of its node. */
export type Tunnels = ReadonlyMap<string, string>;

/** What the kernel has for the tunnel, or should have. */
export interface TunnelState {
  /** Ranges of pods that lead into it. */
  readonly routes: ReadonlySet<string>;
  /** First address of such a range -> hardware address of the tunnel's end there. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Hardware address of an end -> address of its node. */
  readonly forwarding: ReadonlyMap<string, string>;
}

/** The link that carries the node's address. */
export interface Link {
  readonly name: string;
  readonly mtu: number;
  readonly prefixLength: number;
}

export interface TunnelEnd {
  readonly nodeIP: string;
  readonly podCIDRs: readonly string[];
  readonly link: Link;
  readonly mtu: number;
}

/** `ip -batch` lines; safe to repeat. `isThere`: the interface exists, with this address. */
export function tunnelEndLines(
  { nodeIP, podCIDRs, link, mtu }: TunnelEnd,
  isThere: boolean,
): readonly string[] {
  const type = `type vxlan id ${NETWORK_ID} local ${nodeIP} dev ${link.name} dstport ${UDP_PORT} nolearning`;
  return [
    ...(isThere ? [] : [`link add ${TUNNEL} address ${hardwareAddress(nodeIP)} ${type}`]),
    `link set ${TUNNEL} mtu ${mtu} up`,
    ...podCIDRs.map((podCIDR) => `address replace ${hostRange(gatewayOf(podCIDR))} dev ${TUNNEL}`),
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

export const NO_TUNNEL: TunnelState = { routes: new Set(), neighbours: new Map(), forwarding: new Map() };

export function tunnelState(tunnels: Tunnels): TunnelState {
  const ends = [...tunnels].map(
    ([podCIDR, nodeIP]) => [gatewayOf(podCIDR), hardwareAddress(nodeIP)] as const,
  );
  return {
    routes: new Set(tunnels.keys()),
    neighbours: new Map(ends),
    forwarding: new Map([...tunnels.values()].map((nodeIP) => [hardwareAddress(nodeIP), nodeIP])),
  };
}

export function tunnelLines(old: TunnelState, wanted: TunnelState): TunnelLines {
  const { routes, neighbours, forwarding } = wanted;
  return {
    remove: [
      ...[...old.routes]
        .filter((podCIDR) => !routes.has(podCIDR))
        .map((podCIDR) => `route del ${podCIDR} proto ${PROTO}`),
      ...without(old.neighbours, neighbours).map(([ip]) => `neigh del ${ip} dev ${TUNNEL}`),
    ],
    forward: [
      ...without(old.forwarding, forwarding).map(([mac, ip]) => `fdb del ${mac} dev ${TUNNEL} dst ${ip}`),
      ...changed(old.forwarding, forwarding).map(([mac, ip]) => `fdb replace ${mac} dev ${TUNNEL} dst ${ip}`),
    ],
    add: [
      ...changed(old.neighbours, neighbours).map(
        ([ip, mac]) => `neigh replace ${ip} lladdr ${mac} dev ${TUNNEL} nud permanent`,
      ),
      ...[...routes]
        .filter((podCIDR) => !old.routes.has(podCIDR))
        .map(
          (podCIDR) =>
            `route replace ${podCIDR} via ${gatewayOf(podCIDR)} dev ${TUNNEL} onlink proto ${PROTO}`,
        ),
    ],
  };
}

type Entries = readonly (readonly [string, string])[];

function without(old: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): Entries {
  return [...old].filter(([key]) => !wanted.has(key));
}

function changed(old: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): Entries {
  return [...wanted].filter(([key, value]) => old.get(key) !== value);
}

/** Routes told apart: those that lead through the tunnel have the range's first address as gateway. */
export function splitRoutes(all: ReadonlyMap<string, string>): {
  readonly routes: ReadonlyMap<string, string>;
  readonly tunnelRoutes: ReadonlySet<string>;
} {
  return {
    routes: new Map([...all].filter((route) => !isTunnel(route))),
    tunnelRoutes: new Set([...all].filter(isTunnel).map(([podCIDR]) => podCIDR)),
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
  const network = parseIpRange(`${nodeIP}/${prefixLength}`);
  return network !== undefined && isInRange(other, network);
}

/** No pod has it: the bridge plugin gives addresses from the second on. */
function gatewayOf(podCIDR: string): string {
  return podCIDR.slice(0, podCIDR.indexOf("/"));
}

/** IPv6 takes no part in looking for doubles here: nobody else may have it, and a packet may come at once. */
function hostRange(ip: string): string {
  return familyOf(ip) === "IPv4" ? `${ip}/32` : `${ip}/128 nodad`;
}

/** Locally administered, and unique as the address is; of IPv6 as good as that. */
function hardwareAddress(nodeIP: string): string {
  const bytes =
    familyOf(nodeIP) === "IPv4"
      ? nodeIP.split(".").map(Number)
      : [...createHash("sha256").update(nodeIP).digest().subarray(0, 4)];
  return ["0a", "58", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
