/** Whether the address ranges asked for make a cluster: a wrong one would show minutes later, as nodes that are never Ready. @module */
import { overlap, parseIpRanges, type IpRange } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { EXIT, UserError } from "./user-error.ts";

/** Each one range, or one of each family with a comma. */
export interface AddressRanges {
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  /** The range of the nodes, or their one address as a /32 or /128. */
  readonly nodeCIDR: string;
  readonly nodes: number;
}

/** Every node gets a part of the pod range with this prefix. */
const NODE_POD_PREFIX_LENGTH: Readonly<Record<IpFamily, number>> = { IPv4: 24, IPv6: 64 };
/** Parts that the controller keeps account of: 2^16. */
const PART_BITS_MAX = 16;
/** The cluster's DNS has the tenth address. */
const SERVICE_PREFIX_LENGTH_MAX: Readonly<Record<IpFamily, number>> = { IPv4: 28, IPv6: 124 };
/** The API server's own limit for IPv6. */
const SERVICE_PREFIX_LENGTH_MIN: Readonly<Record<IpFamily, number>> = { IPv4: 0, IPv6: 64 };

export function checkRanges(ranges: AddressRanges): void {
  const problem = findProblem(ranges);
  if (problem === undefined) return;
  throw new UserError(problem, {
    id: "ADDRESS_RANGE",
    exitCode: EXIT.usage,
    fix: "k8ts start --pod-network-cidr=10.244.0.0/16 --service-cluster-ip-range=10.96.0.0/12 (the defaults)",
  });
}

function findProblem({ podCIDR, serviceCIDR, nodeCIDR, nodes }: AddressRanges): string | undefined {
  const [pods, services, machines] = [podCIDR, serviceCIDR, nodeCIDR].map(parseIpRanges) as [
    readonly IpRange[],
    readonly IpRange[],
    readonly IpRange[],
  ];
  if (anyOverlap(pods, services))
    return `--pod-network-cidr ${podCIDR} and --service-cluster-ip-range ${serviceCIDR} overlap`;
  for (const [flag, ranges, text] of [
    ["--pod-network-cidr", pods, podCIDR],
    ["--service-cluster-ip-range", services, serviceCIDR],
  ] as const) {
    if (anyOverlap(ranges, machines))
      return `${flag} ${text} and the addresses of the nodes, ${nodeCIDR}, overlap`;
  }
  return (
    services.map(serviceProblem).find(isGiven) ?? pods.map((range) => podProblem(range, nodes)).find(isGiven)
  );
}

function serviceProblem({ cidr, family, prefixLength }: IpRange): string | undefined {
  const [min, max] = [SERVICE_PREFIX_LENGTH_MIN[family], SERVICE_PREFIX_LENGTH_MAX[family]];
  if (prefixLength > max)
    return `--service-cluster-ip-range ${cidr} is too small, a /${max} at least is needed`;
  if (prefixLength < min)
    return `--service-cluster-ip-range ${cidr} is too large, a /${min} at most is possible`;
  return undefined;
}

function podProblem({ cidr, family, prefixLength }: IpRange, nodes: number): string | undefined {
  const part = NODE_POD_PREFIX_LENGTH[family];
  if (prefixLength > part || 2 ** (part - prefixLength) < nodes)
    return `--pod-network-cidr ${cidr} is too small: each of ${nodes} node(s) needs a /${part}`;
  if (part - prefixLength > PART_BITS_MAX)
    return `--pod-network-cidr ${cidr} is too large, a /${part - PART_BITS_MAX} at most is possible`;
  return undefined;
}

function anyOverlap(some: readonly IpRange[], others: readonly IpRange[]): boolean {
  return some.some((a) => others.some((b) => overlap(a, b)));
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined;
}
