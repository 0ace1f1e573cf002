/** Ranges of addresses for services, of one family or of both, written as CIDRs or as `FIRST-LAST`. Pure. @module */
import type { IpFamily } from "#api/validation/ip";
import { familyOf, formatIp, ipNumber, parseIpRange } from "#api/validation/ip-range";

interface Range {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** Ranges and single addresses, in the order they are given out. */
export interface AddressPool {
  /** As it was written, for messages. */
  readonly text: string;
  readonly ranges: readonly Range[];
}

/** Addresses of one pool. */
const SIZE_MAX = 65_536;
/** The part of an IPv6 address that is not its network's. */
const INTERFACE_ID = 2n ** 64n - 1n;

/** Throws a RangeError on anything else than ranges separated by commas. */
export function parseAddressPool(text: string): AddressPool {
  const ranges = text.split(",").map((part) => parseRange(part.trim()));
  const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  if (size > SIZE_MAX)
    throw new RangeError(`Address pool ${text} has ${size} addresses, more than ${SIZE_MAX}`);
  return { text, ranges };
}

export function hasFamily({ ranges }: AddressPool, family: IpFamily): boolean {
  return ranges.some((range) => range.family === family);
}

export function contains({ ranges }: AddressPool, ip: string): boolean {
  const address = ipNumber(ip);
  if (address === undefined) return false;
  return ranges.some(
    ({ family, first, last }) => family === familyOf(ip) && first <= address && address <= last,
  );
}

/** The first address of the family that is not taken. */
export function firstFree(
  { ranges }: AddressPool,
  family: IpFamily,
  isTaken: (ip: string) => boolean,
): string | undefined {
  for (const { family: own, first, last } of ranges) {
    if (own !== family) continue;
    for (let address = first; address <= last; address++) {
      const ip = formatIp(family, address);
      if (!isReserved(family, address) && !isTaken(ip)) return ip;
    }
  }
  return undefined;
}

/** Those that end in 0 or 255 are left to old routers' idea of networks; IPv6's is the routers' own (RFC 4291, 2.6.1). */
function isReserved(family: IpFamily, address: bigint): boolean {
  if (family === "IPv6") return (address & INTERFACE_ID) === 0n;
  const lastByte = address & 255n;
  return lastByte === 0n || lastByte === 255n;
}

function parseRange(text: string): Range {
  const [from = "", to = from, ...rest] = text.split("-").map((part) => part.trim());
  const range = from.includes("/") && to === from ? cidrRange(from) : fromTo(from, to);
  if (range === undefined || rest.length > 0)
    throw new RangeError(`Address range ${JSON.stringify(text)} is neither a CIDR nor FIRST-LAST`);
  return range;
}

function cidrRange(text: string): Range | undefined {
  const range = parseIpRange(text);
  return range && { family: range.family, first: range.base, last: range.base + range.size - 1n };
}

function fromTo(from: string, to: string): Range | undefined {
  const [first, last] = [ipNumber(from), ipNumber(to)];
  const family = familyOf(from);
  if (first === undefined || last === undefined || family !== familyOf(to) || first > last) return undefined;
  return { family, first, last };
}
