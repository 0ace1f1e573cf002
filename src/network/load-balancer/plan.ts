/** Which node answers for which load-balancer address: every node decides alike, from what the API shows. Pure. @module */
import type { Node, Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";

const EXCLUDED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

/** IPv4, as the number of its network and the size of the block. */
export interface AddressBlock {
  readonly first: number;
  readonly size: number;
}

/** Of CIDRs separated by commas. Throws a RangeError on anything else. */
export function parseBlocks(text: string): readonly AddressBlock[] {
  return text.split(",").map((cidr) => {
    const match = /^\s*(\d+\.\d+\.\d+\.\d+)\/(\d+)\s*$/.exec(cidr);
    const prefixLength = Number(match?.[2] ?? 33);
    if (match === null || prefixLength > 32)
      throw new RangeError(`Address range ${JSON.stringify(cidr)} is not an IPv4 CIDR`);
    const size = 2 ** (32 - prefixLength);
    const address = toNumber(match[1]!);
    return { first: address - (address % size), size };
  });
}

/** The addresses of a service that nodes are to answer for. */
export function addressesOf({ spec, status }: Service, blocks: readonly AddressBlock[]): readonly string[] {
  if (spec?.type !== "LoadBalancer") return [];
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip !== undefined && ipMode !== "Proxy" && isIn(ip, blocks) ? [ip] : [],
  );
}

/** The node that answers for `address`; it moves only when its own node goes or a better one comes. */
export function announcerOf(
  address: string,
  service: Service,
  nodes: readonly Node[],
  slices: readonly EndpointSlice[],
): string | undefined {
  const isLocal = service.spec?.externalTrafficPolicy === "Local";
  const serving = isLocal ? servingNodes(slices) : undefined;
  const names = nodes
    .filter((node) => isEligible(node) && (serving === undefined || serving.has(node.metadata.name)))
    .map(({ metadata }) => metadata.name);
  return names.toSorted((a, b) => weight(b, address) - weight(a, address) || (a < b ? -1 : 1))[0];
}

export function isEligible({ metadata, status }: Node): boolean {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
  return isReady === true && metadata.labels?.[EXCLUDED_LABEL] === undefined;
}

/** Nodes with a ready endpoint; while there is none at all, with one that still serves. */
function servingNodes(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
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

export function isIn(ip: string, blocks: readonly AddressBlock[]): boolean {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(ip)) return false;
  const address = toNumber(ip);
  return blocks.some(({ first, size }) => address >= first && address < first + size);
}

function toNumber(ip: string): number {
  return ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
