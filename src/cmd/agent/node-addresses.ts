/** The addresses of this node: one of each family that the cluster's pods have, the primary one first. @module */
import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import { familyOf } from "#api/validation/ip-range";

/** `--node-ip`: addresses with commas. */
export function nodeIpsOfFlag(flag: string): readonly string[] {
  const ips = flag.split(",").map((ip) => ip.trim());
  if (ips.length > 2 || (ips.length === 2 && familyOf(ips[0]!) === familyOf(ips[1]!)))
    throw new Error(`--node-ip ${flag}: either a single IP or a dual-stack pair of IPs is needed`);
  return ips;
}

/** What the user did not say: the first global address of the other family beside the primary one, if the cluster has two families. */
export function withOtherFamily(
  primary: string,
  clusterCIDRs: readonly string[],
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): readonly string[] {
  const other = familyOf(primary) === "IPv4" ? "IPv6" : "IPv4";
  if (!clusterCIDRs.some((cidr) => familyOf(cidr) === other)) return [primary];
  const beside =
    Object.values(interfaces).find((all) => all?.some(({ address }) => address === primary)) ?? [];
  const found = beside.find(({ family, address }) => family === other && !address.startsWith("fe80:"));
  return found === undefined ? [primary] : [primary, found.address];
}
