/** IPv4 addresses and ranges, and on which of the machine's addresses node ports answer. @module */
import { networkInterfaces } from "node:os";
import { BlockList, isIPv4 as isAddress } from "node:net";

/** An address or a range. */
export function isIPv4(text: string): boolean {
  return isAddress(text.split("/", 1)[0]!);
}

export function isInRange(ip: string, cidr: string): boolean {
  const [network = "", bits = "32"] = cidr.split("/");
  const list = new BlockList();
  list.addSubnet(network, Number(bits), "ipv4");
  return list.check(ip, "ipv4");
}

/** Without those that lie inside another, and each once: intervals of an nftables set must not overlap. Sorted. */
export function disjointRanges(cidrs: Iterable<string>): readonly string[] {
  const all = [...new Set(cidrs)].filter(isIPv4);
  return all.filter((range) => !all.some((other) => isInside(range, other))).toSorted();
}

function isInside(inner: string, outer: string): boolean {
  const [network = "", bits = "32"] = inner.split("/");
  const isWider = Number(outer.split("/")[1] ?? "32") < Number(bits);
  return isWider && isInRange(network, outer);
}

/** What this process's network namespace has now. */
export function systemAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}

/** `primary`: those given as the node's. */
export const PRIMARY = "primary";

export type NodePortAddresses =
  /** Every address of the machine but loopback. */
  | { readonly type: "all" }
  | { readonly type: "some"; readonly ips: readonly string[]; readonly hasLoopback: boolean };

/** Of `--nodeport-addresses`: ranges, or `primary`. `own` are the machine's addresses. */
export function nodePortAddresses(
  wanted: readonly string[],
  nodeIPs: readonly string[],
  own: readonly string[],
): NodePortAddresses {
  if (wanted.includes("0.0.0.0/0")) return { type: "all" };
  const ranges = wanted.filter((one) => one !== PRIMARY && isIPv4(one));
  const primary = wanted.length === 0 || wanted.includes(PRIMARY) ? nodeIPs.filter(isIPv4) : [];
  const found = own.filter((ip) => isIPv4(ip) && ranges.some((range) => isInRange(ip, range)));
  const ips = [...new Set([...primary, ...found])];
  return { type: "some", ips, hasLoopback: ips.some((ip) => ip.startsWith("127.")) };
}
