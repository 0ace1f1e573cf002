/** The decision of the network: which routes lead to the pods of the other nodes. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { PROTO } from "./route-mark.ts";
import { isOnLink, type Link, type Tunnels } from "./tunnel.ts";

export interface NetworkPlan {
  /** podCIDR of this node; undefined until the controller has given one. */
  readonly podCIDR: string | undefined;
  /** podCIDR of another node -> the address to go through. */
  readonly routes: ReadonlyMap<string, string>;
  /** podCIDR of another node that only a tunnel leads to -> the address of the node. */
  readonly tunnels: Tunnels;
  /** Addresses of all nodes: pods talk to them with their own address. */
  readonly nodeIPs: ReadonlySet<string>;
  /** Of ServiceCIDR objects; IPv4. */
  readonly serviceRanges: ReadonlySet<string>;
}

/** Which nodes are reached through the tunnel: those that are not on this node's link, all or none. */
export type TunnelMode = "auto" | "always" | "never";

export interface Here {
  readonly nodeName: string;
  readonly nodeIP: string;
  /** undefined: no link of this machine has the node's address, so nothing is known about the others'. */
  readonly link: Link | undefined;
  readonly tunnelMode: TunnelMode;
}

export function plan(nodes: readonly Node[], serviceCIDRs: readonly ServiceCIDR[], here: Here): NetworkPlan {
  const routes = new Map<string, string>();
  const tunnels = new Map<string, string>();
  const nodeIPs = new Set<string>();
  let podCIDR: string | undefined;
  for (const node of nodes) {
    const ip = internalIP(node);
    const cidr = node.spec?.podCIDR;
    if (ip !== undefined) nodeIPs.add(ip);
    if (cidr === undefined || cidr === "") continue;
    if (node.metadata.name === here.nodeName) podCIDR = cidr;
    else if (ip !== undefined) (needsTunnel(ip, here) ? tunnels : routes).set(cidr, ip);
  }
  const ranges = serviceCIDRs.flatMap(({ spec }) => spec?.cidrs ?? []);
  const serviceRanges = new Set(ranges.filter((range) => !range.includes(":")));
  // the tunnel's own end has an address of this node's range
  return { podCIDR, routes, tunnels: podCIDR === undefined ? new Map() : tunnels, nodeIPs, serviceRanges };
}

/** `ip -batch` lines that bring the routes from `old` to `wanted`. */
export function routeLines(
  old: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): readonly string[] {
  const gone = [...old.keys()]
    .filter((cidr) => !wanted.has(cidr))
    .map((cidr) => `route del ${cidr} proto ${PROTO}`);
  const set = [...wanted]
    .filter(([cidr, via]) => old.get(cidr) !== via)
    .map(([cidr, via]) => `route replace ${cidr} via ${via} proto ${PROTO}`);
  return [...gone, ...set];
}

function needsTunnel(ip: string, { nodeIP, link, tunnelMode }: Here): boolean {
  if (tunnelMode !== "auto" || link === undefined) return tunnelMode === "always" && link !== undefined;
  return !isOnLink(nodeIP, ip, link);
}

function internalIP(node: Node): string | undefined {
  return node.status?.addresses?.find(({ type, address }) => type === "InternalIP" && !address.includes(":"))
    ?.address;
}
