/** The decision of the network: which routes lead to the pods of the other nodes. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";

export interface NetworkPlan {
  /** podCIDR of this node; undefined until the controller has given one. */
  readonly podCIDR: string | undefined;
  /** podCIDR of another node -> the address to go through. */
  readonly routes: ReadonlyMap<string, string>;
  /** Addresses of all nodes: pods talk to them with their own address. */
  readonly nodeIPs: ReadonlySet<string>;
  /** Of ServiceCIDR objects; IPv4. */
  readonly serviceRanges: ReadonlySet<string>;
}

export function plan(
  nodes: readonly Node[],
  serviceCIDRs: readonly ServiceCIDR[],
  nodeName: string,
): NetworkPlan {
  const routes = new Map<string, string>();
  const nodeIPs = new Set<string>();
  let podCIDR: string | undefined;
  for (const node of nodes) {
    const ip = internalIP(node);
    const cidr = node.spec?.podCIDR;
    if (ip !== undefined) nodeIPs.add(ip);
    if (cidr === undefined || cidr === "") continue;
    if (node.metadata.name === nodeName) podCIDR = cidr;
    else if (ip !== undefined) routes.set(cidr, ip);
  }
  const ranges = serviceCIDRs.flatMap(({ spec }) => spec?.cidrs ?? []);
  const serviceRanges = new Set(ranges.filter((range) => !range.includes(":")));
  return { podCIDR, routes, nodeIPs, serviceRanges };
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

/** Marks the routes that are ours (`ip route show proto 88`). */
export const PROTO = 88;

function internalIP(node: Node): string | undefined {
  return node.status?.addresses?.find(({ type, address }) => type === "InternalIP" && !address.includes(":"))
    ?.address;
}
