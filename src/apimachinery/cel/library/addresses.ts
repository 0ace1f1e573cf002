/** `ip("10.0.0.1")` and `cidr("10.0.0.0/8")`: addresses in expressions. @module */
import { fn, type Declaration } from "../functions.ts";
import { Cidr, Ip, isCidr, isIp } from "./address.ts";

export const ADDRESSES: readonly Declaration[] = [
  fn("ip", "string_to_ip", "(string): net.IP", (text: string) => Ip.parse(text)),
  fn("isIP", "is_ip", "(string): bool", isIp),
  fn(
    "ip.isCanonical",
    "ip_is_canonical",
    "(string): bool",
    (text: string) => Ip.parse(text).toString() === text,
  ),
  fn("family", "ip_family", "net.IP.(): int", (ip: Ip) => BigInt(ip.family)),
  fn("isUnspecified", "ip_is_unspecified", "net.IP.(): bool", (ip: Ip) => ip.value === 0n),
  fn("isLoopback", "ip_is_loopback", "net.IP.(): bool", (ip: Ip) => ip.isIn("127.0.0.0/8", "::1/128")),
  fn("isLinkLocalMulticast", "ip_is_link_local_multicast", "net.IP.(): bool", (ip: Ip) =>
    ip.isIn("224.0.0.0/24", "ff02::/16"),
  ),
  fn("isLinkLocalUnicast", "ip_is_link_local_unicast", "net.IP.(): bool", (ip: Ip) =>
    ip.isIn("169.254.0.0/16", "fe80::/10"),
  ),
  fn("isGlobalUnicast", "ip_is_global_unicast", "net.IP.(): bool", (ip: Ip) => ip.isGlobalUnicast),
  fn("string", "ip_to_string", "(net.IP): string", (ip: Ip) => ip.toString()),
  fn("cidr", "string_to_cidr", "(string): net.CIDR", (text: string) => Cidr.parse(text)),
  fn("isCIDR", "is_cidr", "(string): bool", isCidr),
  fn("ip", "cidr_ip", "net.CIDR.(): net.IP", (cidr: Cidr) => cidr.ip),
  fn("masked", "cidr_masked", "net.CIDR.(): net.CIDR", (cidr: Cidr) => cidr.masked),
  fn("prefixLength", "cidr_prefix_length", "net.CIDR.(): int", (cidr: Cidr) => BigInt(cidr.bits)),
  fn("containsIP", "cidr_contains_ip_string", "net.CIDR.(string): bool", (cidr: Cidr, text: string) =>
    cidr.containsIp(Ip.parse(text)),
  ),
  fn("containsIP", "cidr_contains_ip_ip", "net.CIDR.(net.IP): bool", (cidr: Cidr, ip: Ip) =>
    cidr.containsIp(ip),
  ),
  fn("containsCIDR", "cidr_contains_cidr_string", "net.CIDR.(string): bool", (cidr: Cidr, text: string) =>
    cidr.containsCidr(Cidr.parse(text)),
  ),
  fn("containsCIDR", "cidr_contains_cidr", "net.CIDR.(net.CIDR): bool", (cidr: Cidr, other: Cidr) =>
    cidr.containsCidr(other),
  ),
  fn("string", "cidr_to_string", "(net.CIDR): string", (cidr: Cidr) => cidr.toString()),
];
