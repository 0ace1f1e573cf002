/** `ip("10.0.0.1")` and `cidr("10.0.0.0/8")`: addresses in rules. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { registerNamespace } from "./namespace.ts";
import { Cidr, Ip, isCidr, isIp } from "./address.ts";

export function registerAddresses(env: Environment): void {
  const ipFunctions = registerNamespace(env, "ip");
  env
    .registerType("IP", { ctor: Ip, fields: {} })
    .registerType("CIDR", { ctor: Cidr, fields: {} })
    .registerFunction("ip(string): IP", (text: string) => Ip.parse(text))
    .registerFunction("isIP(string): bool", isIp)
    .registerFunction(
      `${ipFunctions}.isCanonical(string): bool`,
      (_: unknown, text: string) => Ip.parse(text).toString() === text,
    )
    .registerFunction("IP.family(): int", (ip: Ip) => BigInt(ip.family))
    .registerFunction("IP.isUnspecified(): bool", (ip: Ip) => ip.value === 0n)
    .registerFunction("IP.isLoopback(): bool", (ip: Ip) => ip.isIn("127.0.0.0/8", "::1/128"))
    .registerFunction("IP.isLinkLocalMulticast(): bool", (ip: Ip) => ip.isIn("224.0.0.0/24", "ff02::/16"))
    .registerFunction("IP.isLinkLocalUnicast(): bool", (ip: Ip) => ip.isIn("169.254.0.0/16", "fe80::/10"))
    .registerFunction("IP.isGlobalUnicast(): bool", (ip: Ip) => ip.isGlobalUnicast)
    .registerFunction("string(IP): string", (ip: Ip) => ip.toString())
    .registerFunction("cidr(string): CIDR", (text: string) => Cidr.parse(text))
    .registerFunction("isCIDR(string): bool", isCidr)
    .registerFunction("CIDR.ip(): IP", (cidr: Cidr) => cidr.ip)
    .registerFunction("CIDR.masked(): CIDR", (cidr: Cidr) => cidr.masked)
    .registerFunction("CIDR.prefixLength(): int", (cidr: Cidr) => BigInt(cidr.bits))
    .registerFunction("CIDR.containsIP(IP): bool", (cidr: Cidr, ip: Ip) => cidr.containsIp(ip))
    .registerFunction("CIDR.containsIP(string): bool", (cidr: Cidr, text: string) =>
      cidr.containsIp(Ip.parse(text)),
    )
    .registerFunction("CIDR.containsCIDR(CIDR): bool", (cidr: Cidr, other: Cidr) => cidr.containsCidr(other))
    .registerFunction("CIDR.containsCIDR(string): bool", (cidr: Cidr, text: string) =>
      cidr.containsCidr(Cidr.parse(text)),
    )
    .registerFunction("string(CIDR): string", (cidr: Cidr) => cidr.toString())
    .registerOperator("IP == IP", (a: Ip, b: Ip) => a.family === b.family && a.value === b.value)
    .registerOperator("CIDR == CIDR", (a: Cidr, b: Cidr) => a.toString() === b.toString());
}
