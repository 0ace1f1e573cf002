/** The kernel's own tables of routes as text, which can be read without a program: whether routes through a gateway are there. @module */
import { formatIp, parseIpRange } from "#api/validation/ip-range";

/** `/proc/net/route` and `/proc/net/ipv6_route`; empty where the kernel lacks the family. */
export interface RouteTables {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Bit of a route's flags. */
const RTF_GATEWAY = 0x2;

/** Whether one of the ranges has no route through a gateway. */
export function lacksRoute(tables: RouteTables, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return false;
  const there = new Set([...ipv4Ranges(tables.ipv4), ...ipv6Ranges(tables.ipv6)]);
  return ranges.some((range) => !there.has(parseIpRange(range)?.cidr ?? range));
}

/** Numbers are printed as this machine has them in memory: last byte first. */
function ipv4Ranges(text: string): readonly string[] {
  return fields(text).flatMap(([, destination = "", , flags = "", , , , mask = ""]) =>
    isThroughGateway(flags) ? [`${formatIp("IPv4", reversed(destination))}/${ones(reversed(mask))}`] : [],
  );
}

function ipv6Ranges(text: string): readonly string[] {
  return fields(text).flatMap(([destination = "", prefix = "", , , , , , , flags = ""]) =>
    isThroughGateway(flags)
      ? [`${formatIp("IPv6", BigInt(`0x${destination}`))}/${Number.parseInt(prefix, 16)}`]
      : [],
  );
}

function fields(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.trim().split(/\s+/));
}

function isThroughGateway(flags: string): boolean {
  // the first line is of words
  return /^[0-9A-Fa-f]+$/.test(flags) && (Number.parseInt(flags, 16) & RTF_GATEWAY) !== 0;
}

function reversed(hex: string): bigint {
  return BigInt(`0x${(hex.match(/../g) ?? []).toReversed().join("")}`);
}

function ones(mask: bigint): number {
  return mask.toString(2).replaceAll("0", "").length;
}
