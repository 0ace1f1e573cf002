/** Addresses and ranges of both families, and on which of the machine's addresses node ports answer. @module */
import { networkInterfaces } from "node:os";
import { BlockList, isIP } from "node:net";
import type { IpFamily } from "#api/validation/ip";
import { canonicalIp } from "#api/validation/ip-range";

export const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];

/** Of an address or a range; undefined for anything else. */
export function familyOf(text: string): IpFamily | undefined {
  const version = isIP(text.split("/", 1)[0]!);
  return version === 0 ? undefined : version === 4 ? "IPv4" : "IPv6";
}

/** Those of one family, addresses or ranges. */
export function ofFamily(all: readonly string[], family: IpFamily): readonly string[] {
  return all.filter((text) => familyOf(text) === family);
}

/** One text for one address: the kernel's tools and the API may write an IPv6 address in different ways. */
export function canonical(ip: string): string {
  return ip.includes(":") ? canonicalIp(ip) : ip;
}

/** False if they are not of one family. */
export function isInRange(ip: string, cidr: string): boolean {
  const [network = "", bits] = cidr.split("/");
  const family = familyOf(network);
  if (family === undefined || familyOf(ip) !== family) return false;
  const list = new BlockList();
  const type = family === "IPv4" ? "ipv4" : "ipv6";
  list.addSubnet(network, Number(bits ?? bitsOf(family)), type);
  return list.check(ip, type);
}

function bitsOf(family: IpFamily): number {
  return family === "IPv4" ? 32 : 128;
}

/** Without those that lie inside another, and each once: intervals of an nftables set must not overlap. Sorted. */
export function disjointRanges(cidrs: Iterable<string>, family: IpFamily): readonly string[] {
  const all = ofFamily([...new Set(cidrs)], family);
  return all.filter((range) => !all.some((other) => isInside(range, other, family))).toSorted();
}

function isInside(inner: string, outer: string, family: IpFamily): boolean {
  const bits = (range: string): number => Number(range.split("/")[1] ?? bitsOf(family));
  return bits(outer) < bits(inner) && isInRange(inner.split("/", 1)[0]!, outer);
}

/** What this process's network namespace has now. */
export function systemAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}

/** `primary`: those given as the node's. */
const PRIMARY = "primary";
/** Of each family: addresses to listen on, and ranges that mean every address. */
const ANY_RANGE = { IPv4: "0.0.0.0/0", IPv6: "::/0" } as const;

export type NodePortAddresses =
  /** Every address of the machine but loopback. */
  | { readonly type: "all" }
  | { readonly type: "some"; readonly ips: readonly string[]; readonly hasLoopback: boolean };

export interface NodePortOptions {
  readonly family: IpFamily;
  readonly nodeIPs: readonly string[];
  /** The machine's addresses. */
  readonly own: readonly string[];
}

/**
 * Of `--nodeport-addresses`: ranges, or `primary`. Ranges of the other family alone say nothing about this one: then node
 * ports answer on all its addresses.
 */
export function nodePortAddresses(wanted: readonly string[], options: NodePortOptions): NodePortAddresses {
  const { family, nodeIPs, own } = options;
  const isPrimary = wanted.length === 0 || wanted.includes(PRIMARY);
  const ranges = ofFamily(wanted, family);
  if (ranges.includes(ANY_RANGE[family]) || (ranges.length === 0 && !isPrimary)) return { type: "all" };
  const primary = isPrimary ? ofFamily(nodeIPs, family) : [];
  const found = ofFamily(own, family).filter((ip) => ranges.some((range) => isInRange(ip, range)));
  // ::1 takes no node ports: there is no `route_localnet` for IPv6
  const ips = [...new Set([...primary, ...found].map(canonical))].filter((ip) => ip !== "::1");
  return { type: "some", ips, hasLoopback: ips.some((ip) => ip.startsWith("127.")) };
}

/** Where servers listen that answer for node ports. */
export function listenAddresses(family: IpFamily, addresses: NodePortAddresses): readonly string[] {
  if (addresses.type === "some") return addresses.ips;
  return family === "IPv4" ? ["0.0.0.0"] : ["::"];
}
