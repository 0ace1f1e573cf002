/** Address blocks and ports as nftables matches. @module */
import { isInRange, parseIpRange } from "#api/validation/ip-range";
import type { NftFamily } from "../address-family.ts";
import type { AddressBlock, PortRange } from "./compiled-policy.ts";

export function blockMatch(
  address: `${NftFamily["protocol"]} ${"saddr" | "daddr"}`,
  { cidr, except }: AddressBlock,
): string {
  return [`${address} ${cidr}`, ...except.map((hole) => `${address} != ${hole}`)].join(" ");
}

/** Whether nftables would let the block's match hold for the address. */
export function isInBlock(ip: string, { cidr, except }: AddressBlock): boolean {
  return isInCidr(ip, cidr) && !except.some((hole) => isInCidr(ip, hole));
}

/** One match a protocol. nft refuses sets whose intervals overlap, so they are merged. */
export function rangeMatches(ports: readonly PortRange[]): readonly string[] {
  const byProtocol = Map.groupBy(ports, ({ protocol }) => protocol);
  return [...byProtocol].map(([protocol, own]) => {
    const ranges = own.map(({ range }) => range);
    if (ranges.includes(undefined)) return `meta l4proto ${protocol}`;
    const merged = merge(ranges.filter((range) => range !== undefined));
    const texts = merged.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
    return `meta l4proto ${protocol} th dport { ${texts.join(" , ")} }`;
  });
}

function merge(ranges: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function isInCidr(ip: string, cidr: string): boolean {
  const range = ip.includes(":") || cidr.includes(":") ? parseIpRange(cidr) : undefined;
  if (range !== undefined) return isInRange(ip, range);
  const [base = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(ip) / size) === Math.floor(numberOf(base) / size);
}

function numberOf(ip: string): number {
  return ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
