/** The flags of `k8ts start` about addresses: the families of a cluster and its ranges. @module */
import { InvalidArgumentError, Option, type Command } from "commander";
import { parseIpRanges } from "#api/validation/ip-range";
import { clusterRanges, IP_FAMILIES, type ClusterRanges, type IpFamilyChoice } from "#launcher";

export interface AddressFlags {
  readonly ipFamily?: IpFamilyChoice;
  readonly podNetworkCidr?: string;
  readonly serviceClusterIpRange?: string;
}

export function addAddressFlags(command: Command): void {
  command
    .addOption(
      new Option("--ip-family <family>", "of pods, services and nodes; default: ipv4").choices(IP_FAMILIES),
    )
    .option(
      "--pod-network-cidr <cidrs>",
      "addresses of pods; two families with a comma; default: 10.244.0.0/16, fd00:10:244::/56",
      cidrs,
    )
    .option(
      "--service-cluster-ip-range <cidrs>",
      "addresses of services; the first family is their default; default: 10.96.0.0/12, fd00:10:96::/112",
      cidrs,
    );
}

export function rangesOfFlags(flags: AddressFlags): ClusterRanges {
  const { ipFamily, podNetworkCidr: podCIDR, serviceClusterIpRange: serviceCIDR } = flags;
  return clusterRanges({
    ...(ipFamily !== undefined && { ipFamily }),
    ...(podCIDR !== undefined && { podCIDR }),
    ...(serviceCIDR !== undefined && { serviceCIDR }),
  });
}

function cidrs(text: string): string {
  try {
    const ranges = parseIpRanges(text);
    const [first, second] = ranges;
    if (first !== undefined && ranges.length <= 2 && first.family !== second?.family)
      return ranges.map(({ cidr }) => cidr).join();
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
  }
  throw new InvalidArgumentError("a range like 10.244.0.0/16, or one of each family with a comma, is needed");
}
