/** A range of IPv4 addresses for services, written as CIDRs or as `FIRST-LAST`. Pure. @module */

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Ranges and single addresses, in the order they are given out. */
export interface AddressPool {
  /** As it was written, for messages. */
  readonly text: string;
  readonly ranges: readonly Range[];
}

/** Addresses of one pool. */
const SIZE_MAX = 65_536;

/** Throws a RangeError on anything else than IPv4 ranges separated by commas. */
export function parseAddressPool(text: string): AddressPool {
  const ranges = text.split(",").map((part) => parseRange(part.trim()));
  const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (size > SIZE_MAX)
    throw new RangeError(`Address pool ${text} has ${size} addresses, more than ${SIZE_MAX}`);
  return { text, ranges };
}

export function contains({ ranges }: AddressPool, ip: string): boolean {
  const address = toNumber(ip);
  return address !== undefined && ranges.some(({ first, last }) => first <= address && address <= last);
}

/** The first address that is not taken; those that end in 0 or 255 are left to old routers' idea of networks. */
export function firstFree({ ranges }: AddressPool, isTaken: (ip: string) => boolean): string | undefined {
  for (const { first, last } of ranges) {
    for (let address = first; address <= last; address++) {
      const lastByte = address % 256;
      const ip = toText(address);
      if (lastByte !== 0 && lastByte !== 255 && !isTaken(ip)) return ip;
    }
  }
  return undefined;
}

function parseRange(text: string): Range {
  const [from = "", to] = text.split("-");
  const range =
    to === undefined ? cidrRange(from) : { first: toNumber(from.trim()), last: toNumber(to.trim()) };
  const { first, last } = range;
  if (first === undefined || last === undefined || first > last)
    throw new RangeError(`Address range ${JSON.stringify(text)} is neither an IPv4 CIDR nor FIRST-LAST`);
  return { first, last };
}

function cidrRange(text: string): { readonly first: number | undefined; readonly last: number | undefined } {
  const [ip = "", bits = "32"] = text.split("/");
  const address = toNumber(ip);
  const prefixLength = /^\d+$/.test(bits) ? Number(bits) : 33;
  if (address === undefined || prefixLength > 32) return { first: undefined, last: undefined };
  const size = 2 ** (32 - prefixLength);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

function toNumber(ip: string): number | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(ip)) return undefined;
  const bytes = ip.split(".").map(Number);
  return bytes.some((byte) => byte > 255) ? undefined : bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}
