/** IP addresses and ranges, in the strict notation that upstream accepts since 1.36. No `node:net`: this runs in browsers. @module */
import { field } from "#apimachinery";
import type { Causes } from "./common.ts";
import { NONE } from "./common.ts";

export type IpFamily = "IPv4" | "IPv6";

export interface ParsedIp {
  readonly family: IpFamily;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** RFC 5952. */
  readonly canonical: string;
  readonly leadingZeros: boolean;
  /** `::ffff:1.2.3.4`. */
  readonly mapped: boolean;
}

export function parseIp(text: string): ParsedIp | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): ParsedIp | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  const leadingZeros = parts.some((part) => part.length > 1 && part.startsWith("0"));
  return { family: "IPv4", bytes, canonical: bytes.join("."), leadingZeros, mapped: false };
}

function parseIpv6(text: string): ParsedIp | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const bytes = groups.flatMap((group) => [group >> 8, group & 0xff]);
  if (mapped) {
    const v4 = bytes.slice(12);
    return { family: "IPv4", bytes: v4, canonical: v4.join("."), leadingZeros: false, mapped };
  }
  return { family: "IPv6", bytes, canonical: formatIpv6(groups), leadingZeros: false, mapped };
}

function groupsOf(text: string): readonly number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1)!;
  const v4 = last.includes(".") ? parseIpv4(last) : undefined;
  if (last.includes(".")) {
    if (v4 === undefined || v4.leadingZeros) return undefined;
    parts.pop();
  }
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const groups = parts.map((part) => Number.parseInt(part, 16));
  if (v4 !== undefined) groups.push(v4.bytes[0]! * 256 + v4.bytes[1]!, v4.bytes[2]! * 256 + v4.bytes[3]!);
  return groups;
}

/** The longest run of two or more zero groups, the first of equals, becomes `::`. */
export function formatIpv6(groups: readonly number[]): string {
  let [start, length] = [-1, 1];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** For fields that were once validated loosely: values that were there before stay valid. */
export function validIpLegacy(text: string, path: string, old: readonly string[] = []): Causes {
  if (old.includes(text)) return NONE;
  return ipProblems(text, path).causes;
}

/** For new fields: canonical notation only. */
export function validIp(text: string, path: string): Causes {
  const { causes, ip } = ipProblems(text, path);
  if (causes.length > 0 || ip === undefined || ip.canonical === text) return causes;
  return [field.invalid(path, text, `must be in canonical form ("${ip.canonical}")`)];
}

function ipProblems(
  text: string,
  path: string,
): { readonly causes: Causes; readonly ip: ParsedIp | undefined } {
  const ip = parseIp(text);
  if (ip === undefined) {
    const message = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    return { causes: [field.invalid(path, text, message)], ip };
  }
  if (ip.leadingZeros) return { causes: [field.invalid(path, text, "must not have leading 0s")], ip };
  if (ip.mapped) {
    return { causes: [field.invalid(path, text, "must not be an IPv4-mapped IPv6 address")], ip };
  }
  return { causes: NONE, ip };
}

export interface ParsedCidr {
  readonly ip: ParsedIp;
  readonly prefixLength: number;
  /** Bits after the prefix are zero. */
  readonly aligned: boolean;
}

export function parseCidr(text: string): ParsedCidr | undefined {
  const [address, prefix, ...rest] = text.split("/");
  if (address === undefined || prefix === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix))
    return undefined;
  const ip = parseIp(address);
  const prefixLength = Number(prefix);
  if (ip === undefined || prefixLength > ip.bytes.length * 8) return undefined;
  const aligned = ip.bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    return (byte & (0xff >> bits)) === 0;
  });
  return { ip, prefixLength, aligned };
}

const CIDR_MESSAGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

export function validCidrLegacy(text: string, path: string, old: readonly string[] = []): Causes {
  if (old.includes(text)) return NONE;
  const cidr = parseCidr(text);
  if (cidr === undefined) return [field.invalid(path, text, CIDR_MESSAGE)];
  if (cidr.ip.leadingZeros || /\/0\d/.test(text)) {
    return [field.invalid(path, text, "must not have leading 0s in IP or prefix length")];
  }
  if (cidr.ip.mapped) return [field.invalid(path, text, "must not have an IPv4-mapped IPv6 address")];
  if (!cidr.aligned) return [field.invalid(path, text, "must not have bits set beyond the prefix length")];
  return NONE;
}

export function validCidr(text: string, path: string): Causes {
  const causes = validCidrLegacy(text, path);
  const cidr = parseCidr(text);
  if (causes.length > 0 || cidr === undefined) return causes;
  const canonical = `${cidr.ip.canonical}/${cidr.prefixLength}`;
  return canonical === text
    ? NONE
    : [field.invalid(path, text, `must be in canonical form ("${canonical}")`)];
}
