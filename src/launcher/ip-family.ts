/** The address families of a cluster, in kind's words, and the ranges that each has unless the user says otherwise. @module */
import type { IpFamily } from "#api/validation/ip";
import { EXIT, UserError } from "./user-error.ts";

export const IP_FAMILIES = ["ipv4", "ipv6", "dual"] as const;
export type IpFamilyChoice = (typeof IP_FAMILIES)[number];

const FAMILIES: Readonly<Record<IpFamilyChoice, readonly IpFamily[]>> = {
  ipv4: ["IPv4"],
  ipv6: ["IPv6"],
  dual: ["IPv4", "IPv6"],
};
/** As in kind; a /56 of pods is 256 nodes. */
const POD_CIDRS = { IPv4: "10.244.0.0/16", IPv6: "fd00:10:244::/56" } as const;
const SERVICE_CIDRS = { IPv4: "10.96.0.0/12", IPv6: "fd00:10:96::/112" } as const;

/** Each of one family, or two with a comma, the primary one first. */
export interface ClusterRanges {
  readonly podCIDR: string;
  readonly serviceCIDR: string;
}

/** What the user gave decides about the families of the rest. */
export function clusterRanges(
  given: Partial<ClusterRanges> & { readonly ipFamily?: IpFamilyChoice },
): ClusterRanges {
  const { ipFamily, podCIDR, serviceCIDR } = given;
  const asked = podCIDR ?? serviceCIDR;
  const families = asked === undefined ? FAMILIES[ipFamily ?? "ipv4"] : familiesOf(asked);
  const ranges = {
    podCIDR: podCIDR ?? families.map((family) => POD_CIDRS[family]).join(),
    serviceCIDR: serviceCIDR ?? families.map((family) => SERVICE_CIDRS[family]).join(),
  };
  const isWanted = ipFamily === undefined || isSame(familiesOf(ranges.podCIDR), FAMILIES[ipFamily]);
  if (isWanted && isSame(familiesOf(ranges.podCIDR), familiesOf(ranges.serviceCIDR))) return ranges;
  const flags = [
    ...(ipFamily === undefined ? [] : [`--ip-family=${ipFamily}`]),
    `--pod-network-cidr=${ranges.podCIDR}`,
    `--service-cluster-ip-range=${ranges.serviceCIDR}`,
  ];
  throw new UserError(`${flags.join(", ")} are not of the same address families`, {
    id: "IP_FAMILIES_DIFFER",
    exitCode: EXIT.usage,
    fix: "k8ts start --ip-family=dual",
  });
}

/** Of ranges or addresses with commas. */
export function familiesOf(list: string): readonly IpFamily[] {
  return list.split(",").map((part) => (part.includes(":") ? "IPv6" : "IPv4"));
}

/** One family must be the same; of two, the order may differ. */
function isSame(a: readonly IpFamily[], b: readonly IpFamily[]): boolean {
  return a.length === b.length && new Set([...a, ...b]).size === a.length;
}
