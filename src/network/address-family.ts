/** How nftables names the two address families, and which of a node's addresses and ranges are of one. @module */
import { familyOf } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";

export interface NftFamily {
  readonly family: IpFamily;
  /** Of tables and matches. */
  readonly protocol: "ip" | "ip6";
  /** Of sets. */
  readonly address: "ipv4_addr" | "ipv6_addr";
}

export const IPV4: NftFamily = { family: "IPv4", protocol: "ip", address: "ipv4_addr" };
export const IPV6: NftFamily = { family: "IPv6", protocol: "ip6", address: "ipv6_addr" };
export const NFT_FAMILIES: readonly NftFamily[] = [IPV4, IPV6];

/** What a node is told of the cluster's addresses; each list has one entry of a family at most, the primary one first. */
export interface Addresses {
  readonly nodeIPs: readonly string[];
  readonly clusterCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
}

/** Families of the cluster's pods. */
export function podFamilies({ clusterCIDRs }: Addresses): readonly NftFamily[] {
  return NFT_FAMILIES.filter(({ family }) => ofFamily(clusterCIDRs, family) !== undefined);
}

/** Address or range. */
export function ofFamily(all: readonly string[], family: IpFamily): string | undefined {
  return all.find((text) => familyOf(text) === family);
}
