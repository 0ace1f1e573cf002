/** Which node answers for which load-balancer address: every node decides alike, from what the API shows. Pure. @module */
import type { Node, Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { canonicalIp, familyOf, isInRange, parseIpRanges, type IpRange } from "#api/validation/ip-range";

const EXCLUDED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Of CIDRs separated by commas. Throws a RangeError on anything else, also on none. */
export function parseBlocks(text: string): readonly IpRange[] {
  const blocks = parseIpRanges(text);
  if (blocks.length === 0) throw new RangeError(`Address range ${JSON.stringify(text)} has no CIDR`);
  return blocks;
}

/** The addresses of a service that nodes are to answer for, in canonical notation. */
export function addressesOf({ spec, status }: Service, blocks: readonly IpRange[]): readonly string[] {
  if (spec?.type !== "LoadBalancer") return [];
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip !== undefined && ipMode !== "Proxy" && isIn(ip, blocks) ? [canonicalIp(ip)] : [],
  );
}

/** The node that answers for `address`; it moves only when its own node goes or a better one comes. */
export function announcerOf(
  address: string,
  service: Service,
  nodes: readonly Node[],
  slices: readonly EndpointSlice[],
): string | undefined {
  const family = familyOf(address);
  const isLocal = service.spec?.externalTrafficPolicy === "Local";
  const serving = isLocal ? servingNodes(slices, family) : undefined;
  const names = nodes
    .filter((node) => answeredBy(node).includes(family))
    .map(({ metadata }) => metadata.name)
    .filter((name) => serving === undefined || serving.has(name));
  return names.toSorted((a, b) => weight(b, address) - weight(a, address) || (a < b ? -1 : 1))[0];
}

/** The families whose addresses the node may answer for: those it has an address of itself. */
export function answeredBy({ metadata, status }: Node): readonly IpFamily[] {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
  if (isReady !== true || metadata.labels?.[EXCLUDED_LABEL] !== undefined) return [];
  const own = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
  return (["IPv4", "IPv6"] as const).filter((family) =>
    own.some(({ address }) => familyOf(address) === family),
  );
}

/** Nodes with a ready endpoint; while there is none at all, with one that still serves. */
function servingNodes(slices: readonly EndpointSlice[], family: IpFamily): ReadonlySet<string> {
  const endpoints = slices
    .filter(({ addressType }) => addressType === family)
    .flatMap((slice) => slice.endpoints ?? []);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  const usable =
    ready.length > 0 ? ready : endpoints.filter(({ conditions }) => conditions?.serving === true);
  return new Set(usable.flatMap(({ nodeName }) => nodeName ?? []));
}

/** Rendezvous hashing: FNV-1a, with a last mixing so that names that differ at their end differ everywhere. */
function weight(node: string, address: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${node}/${address}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

export function isIn(ip: string, blocks: readonly IpRange[]): boolean {
  return blocks.some((block) => isInRange(ip, block));
}
