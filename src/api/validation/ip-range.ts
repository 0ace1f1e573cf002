/** Addresses and ranges of both families as numbers, for arithmetic. Pure. @module */
import { formatIpv6, parseCidr, parseIp, type IpFamily } from "./ip.ts";

export interface IpRange {
  /** Canonical, without bits beyond the prefix. */
  readonly cidr: string;
  readonly family: IpFamily;
  readonly prefixLength: number;
  /** The network address. */
  readonly base: bigint;
  /** Addresses in the range, the network's own included. */
  readonly size: bigint;
}

/** undefined for anything that is no CIDR. */
export function parseIpRange(text: string): IpRange | undefined {
  const parsed = parseCidr(text);
  if (parsed === undefined) return undefined;
  const { family, bytes } = parsed.ip;
  const { prefixLength } = parsed;
  const size = 1n << BigInt(bytes.length * 8 - prefixLength);
  const ip = toNumber(bytes);
  const base = ip - (ip % size);
  return { cidr: `${formatIp(family, base)}/${prefixLength}`, family, prefixLength, base, size };
}

/** Ranges separated by commas, as flags have them. Throws a RangeError that names what is none. */
export function parseIpRanges(text: string): readonly IpRange[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const range = parseIpRange(part);
      if (range === undefined) throw new RangeError(`invalid CIDR address: ${part}`);
      return range;
    });
}

export function familyOf(text: string): IpFamily {
  return text.includes(":") ? "IPv6" : "IPv4";
}

export function ipNumber(text: string): bigint | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : toNumber(ip.bytes);
}

/** Canonical text. */
export function formatIp(family: IpFamily, ip: bigint): string {
  if (family === "IPv4") return [24n, 16n, 8n, 0n].map((shift) => (ip >> shift) & 255n).join(".");
  return formatIpv6(Array.from({ length: 8 }, (_, i) => Number((ip >> BigInt(112 - 16 * i)) & 0xffffn)));
}

/** One notation for each address; text that is no address stays as it is. */
export function canonicalIp(text: string): string {
  return parseIp(text)?.canonical ?? text;
}

/** The address so far from the network's own. */
export function nthIp({ family, base }: IpRange, offset: number): string {
  return formatIp(family, base + BigInt(offset));
}

export function isInRange(ip: string, { family, base, size }: IpRange): boolean {
  const parsed = parseIp(ip);
  if (parsed === undefined || parsed.family !== family) return false;
  const number = toNumber(parsed.bytes);
  return number >= base && number < base + size;
}

/** An address or name as the host of a URL: IPv6 stands in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") && parseIp(host) !== undefined ? `[${host}]` : host;
}

export function overlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.base < b.base + b.size && b.base < a.base + a.size;
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
