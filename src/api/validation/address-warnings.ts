/** Warnings about addresses and ranges that are accepted and should be written otherwise. @module */
import { parseCidr, parseIp, type ParsedCidr, type ParsedIp } from "./ip.ts";

/** Nothing is said of what is no address at all. */
export function warningsForIp(text: string, path: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) return [];
  const shown = JSON.stringify(text);
  if (ip.leadingZeros || ip.mapped) {
    return [`${path}: non-standard IP address ${shown} is invalid: use "${ip.canonical}"`];
  }
  if (ip.family === "IPv4" || ip.canonical === text) return [];
  return [`${path}: IPv6 address ${shown} should be in RFC 5952 canonical format ("${ip.canonical}")`];
}

export function warningsForCidr(text: string, path: string): readonly string[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [];
  const shown = JSON.stringify(text);
  const network = networkOf(cidr);
  const warnings: string[] = [];
  if (!cidr.aligned) {
    const single = `${cidr.ip.canonical}/${cidr.ip.bytes.length * 8}`;
    warnings.push(
      `${path}: CIDR value ${shown} is ambiguous in this context (should be "${network}" or "${single}"?)`,
    );
  }
  if (cidr.ip.leadingZeros || cidr.ip.mapped || /\/0\d/.test(text)) {
    warnings.push(`${path}: non-standard CIDR value ${shown} is invalid: use "${network}"`);
  }
  const canonical = `${cidr.ip.canonical}/${cidr.prefixLength}`;
  if (warnings.length === 0 && cidr.ip.family === "IPv6" && canonical !== text) {
    warnings.push(
      `${path}: IPv6 CIDR value ${shown} should be in RFC 5952 canonical format ("${canonical}")`,
    );
  }
  return warnings;
}

function networkOf({ ip, prefixLength }: ParsedCidr): string {
  const bytes = ip.bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return `${canonicalOf(ip, bytes)}/${prefixLength}`;
}

function canonicalOf({ family }: ParsedIp, bytes: readonly number[]): string {
  if (family === "IPv4") return bytes.join(".");
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) =>
    ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
  );
  return parseIp(groups.join(":"))?.canonical ?? groups.join(":");
}
