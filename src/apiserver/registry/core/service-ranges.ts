/** Which address ranges the ServiceCIDRs of a cluster offer. Pure. @module */
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { ipNumber, parseIpRange, parseIpRanges, familyOf, type IpRange } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { staticBand, type NumberRange } from "./number-search.ts";

/** Offsets are numbers: of larger ranges, the addresses beyond are given only to whoever names them. */
const COUNT_MAX = 2n ** 52n;
/** Upstream's limit. */
const IPV6_PREFIX_MIN = 64;

/** The ranges of the flag `--service-cluster-ip-range`: one, or one of each family; the first is the default of Services. */
export function serviceRangesOfFlag(flag: string): readonly IpRange[] {
  const ranges = parseIpRanges(flag);
  const name = "--service-cluster-ip-range";
  if (ranges.length === 0) throw new RangeError(`${name} must contain at least one valid cidr`);
  if (ranges.length > 2) throw new RangeError(`${name} must not contain more than two entries`);
  if (ranges[0]!.family === ranges[1]?.family)
    throw new RangeError(`${name}[0] and ${name}[1] must be of different IP family`);
  for (const { family, prefixLength } of ranges) {
    if (family === "IPv6" && prefixLength < IPV6_PREFIX_MIN)
      throw new RangeError(
        `shortest allowed prefix length for service CIDR is ${IPV6_PREFIX_MIN}, got ${prefixLength}`,
      );
  }
  return ranges;
}

/** A ServiceCIDR that nobody judged yet counts as ready: the controllers may not run. */
export function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True";
}

/** Ranges of one family that addresses may be taken from, each once; the default one first. */
export function rangesOf(serviceCIDRs: readonly ServiceCIDR[], family: IpFamily): readonly IpRange[] {
  const cidrs = serviceCIDRs
    .filter(isReady)
    .toSorted((a, b) => Number(b.metadata.name === "kubernetes") - Number(a.metadata.name === "kubernetes"))
    .flatMap(({ spec }) => (spec?.cidrs ?? []).filter((cidr) => familyOf(cidr) === family));
  return [...new Set(cidrs)].flatMap((cidr) => parseIpRange(cidr) ?? []);
}

/** Offsets from the network address, which is nobody's; nor is the broadcast address, which IPv6 has not. */
export function serviceRangeOf({ family, size }: IpRange): NumberRange {
  const unusable = family === "IPv4" ? 2n : 1n;
  const usable = size > unusable ? size - unusable : 0n;
  const count = Number(usable < COUNT_MAX ? usable : COUNT_MAX);
  return { first: 1, count, staticCount: staticBand(count, 16, 256, 16) };
}

/** Whether a Service may have the address. */
export function holds({ family, base, size }: IpRange, ip: string): boolean {
  const number = familyOf(ip) === family ? ipNumber(ip) : undefined;
  if (number === undefined) return false;
  return number > base && number < base + size - (family === "IPv4" ? 1n : 0n);
}
