/** Whether the address ranges asked for make a cluster: a wrong one would show minutes later, as nodes that are never Ready. @module */
import { EXIT, UserError } from "./user-error.ts";

export interface AddressRanges {
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  /** The range of the nodes, or their one address as a /32. */
  readonly nodeCIDR: string;
  readonly nodes: number;
}

/** Every node gets a /24 of the pod range. */
const NODE_POD_PREFIX_LENGTH = 24;
/** The cluster's DNS has the tenth address. */
const SERVICE_PREFIX_LENGTH_MAX = 28;

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
  if (overlap(podCIDR, serviceCIDR))
    return `--pod-network-cidr ${podCIDR} and --service-cluster-ip-range ${serviceCIDR} overlap`;
  for (const [flag, cidr] of [
    ["--pod-network-cidr", podCIDR],
    ["--service-cluster-ip-range", serviceCIDR],
  ] as const) {
    if (overlap(cidr, nodeCIDR))
      return `${flag} ${cidr} and the addresses of the nodes, ${nodeCIDR}, overlap`;
  }
  if (parse(serviceCIDR).prefixLength > SERVICE_PREFIX_LENGTH_MAX)
    return `--service-cluster-ip-range ${serviceCIDR} is too small, a /${SERVICE_PREFIX_LENGTH_MAX} at least is needed`;
  const { prefixLength } = parse(podCIDR);
  if (prefixLength > NODE_POD_PREFIX_LENGTH || 2 ** (NODE_POD_PREFIX_LENGTH - prefixLength) < nodes)
    return `--pod-network-cidr ${podCIDR} is too small: each of ${nodes} node(s) needs a /${NODE_POD_PREFIX_LENGTH}`;
  return undefined;
}

function overlap(a: string, b: string): boolean {
  const [one, other] = [parse(a), parse(b)];
  const size = 2 ** (32 - Math.min(one.prefixLength, other.prefixLength));
  return Math.floor(one.address / size) === Math.floor(other.address / size);
}

function parse(cidr: string): { readonly address: number; readonly prefixLength: number } {
  const [address = "", prefixLength = "32"] = cidr.split("/");
  return {
    address: address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0),
    prefixLength: Number(prefixLength),
  };
}
