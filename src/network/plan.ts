/** The decision of the network: which routes lead to the pods of the other nodes. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { familyOf } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { ofFamily } from "./address-family.ts";
import { PROTO } from "./route-mark.ts";
import { isOnLink, type Link, type Tunnels } from "./tunnel.ts";

export interface NetworkPlan {
  /** podCIDRs of this node, in its families; none until the controller has given them. */
  readonly podCIDRs: readonly string[];
  /** podCIDR of another node -> the address to go through. */
  readonly routes: ReadonlyMap<string, string>;
  /** podCIDR of another node that only a tunnel leads to -> the address of the node. */
  readonly tunnels: Tunnels;
  /** Addresses of all nodes: pods talk to them with their own address. */
  readonly nodeIPs: ReadonlySet<string>;
  /** Of ServiceCIDR objects, in the families of this node. */
  readonly serviceRanges: ReadonlySet<string>;
}

/** Which nodes are reached through the tunnel: those that are not on this node's link, all or none. */
export type TunnelMode = "auto" | "always" | "never";

export interface Here {
  readonly nodeName: string;
  /** The primary one first: tunnels lead from it. */
  readonly nodeIPs: readonly string[];
  /** Of the primary address; undefined: no link of this machine has it, so nothing is known about the others'. */
  readonly link: Link | undefined;
  readonly tunnelMode: TunnelMode;
}

export function plan(nodes: readonly Node[], serviceCIDRs: readonly ServiceCIDR[], here: Here): NetworkPlan {
  const routes = new Map<string, string>();
  const tunnels = new Map<string, string>();
  const nodeIPs = new Set<string>();
  const hasFamily = (text: string): boolean => ofFamily(here.nodeIPs, familyOf(text)) !== undefined;
  let podCIDRs: readonly string[] = [];
  for (const node of nodes) {
    for (const ip of internalIPs(node).filter(hasFamily)) nodeIPs.add(ip);
    const cidrs = podCIDRsOf(node);
    if (node.metadata.name === here.nodeName) podCIDRs = cidrs.filter(hasFamily);
    else for (const cidr of cidrs.filter(hasFamily)) lead(node, cidr, here, routes, tunnels);
  }
  const ranges = serviceCIDRs.flatMap(({ spec }) => spec?.cidrs ?? []);
  const serviceRanges = new Set(ranges.filter(hasFamily));
  // the tunnel's own end has an address of this node's range
  const tunnelled = podCIDRs.length === 0 ? new Map<string, string>() : tunnels;
  return { podCIDRs, routes, tunnels: tunnelled, nodeIPs, serviceRanges };
}

/** A tunnel carries both families; without it each goes through the node's address of its own. */
function lead(
  node: Node,
  cidr: string,
  here: Here,
  routes: Map<string, string>,
  tunnels: Map<string, string>,
): void {
  const primary = internalIP(node, familyOf(here.nodeIPs[0]!));
  if (primary !== undefined && needsTunnel(primary, here)) {
    tunnels.set(cidr, primary);
    return;
  }
  const via = internalIP(node, familyOf(cidr));
  if (via !== undefined) routes.set(cidr, via);
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
    .flatMap(([cidr, via]) => replaceRoute(old.has(cidr), `${cidr} via ${via} proto ${PROTO}`, cidr));
  return [...gone, ...set];
}

/** IPv6 would keep the old one beside the new one, as a second way. */
function replaceRoute(isThere: boolean, route: string, cidr: string): readonly string[] {
  const remove = isThere && familyOf(cidr) === "IPv6" ? [`route del ${cidr} proto ${PROTO}`] : [];
  return [...remove, `route replace ${route}`];
}

function needsTunnel(ip: string, { nodeIPs, link, tunnelMode }: Here): boolean {
  if (tunnelMode !== "auto" || link === undefined) return tunnelMode === "always" && link !== undefined;
  return !isOnLink(nodeIPs[0]!, ip, link);
}

function internalIPs({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).flatMap(({ type, address }) => (type === "InternalIP" ? [address] : []));
}

function internalIP(node: Node, family: IpFamily): string | undefined {
  return ofFamily(internalIPs(node), family);
}

function podCIDRsOf({ spec }: Node): readonly string[] {
  const all = spec?.podCIDRs ?? [];
  if (all.length > 0) return all;
  return spec?.podCIDR === undefined || spec.podCIDR === "" ? [] : [spec.podCIDR];
}
