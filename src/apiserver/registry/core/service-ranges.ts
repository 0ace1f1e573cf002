/** Which address ranges the ServiceCIDRs of a cluster offer. Pure. @module */
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { parseIpRange, type IpRange } from "./ip-range.ts";
import { staticBand, type NumberRange } from "./number-search.ts";

/** A ServiceCIDR that nobody judged yet counts as ready: the controllers may not run. */
export function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True";
}

/** IPv4 ranges that addresses may be taken from, each once; the default one first. */
export function rangesOf(serviceCIDRs: readonly ServiceCIDR[]): readonly IpRange[] {
  const cidrs = serviceCIDRs
    .filter(isReady)
    .toSorted((a, b) => Number(b.metadata.name === "kubernetes") - Number(a.metadata.name === "kubernetes"))
    .flatMap(({ spec }) => (spec?.cidrs ?? []).filter((cidr) => !cidr.includes(":")));
  return [...new Set(cidrs)].map(parseIpRange);
}

/** Neither the network address nor the broadcast address is anybody's. */
export function serviceRangeOf({ base, size }: IpRange): NumberRange {
  const count = Math.max(size - 2, 0);
  return { first: base + 1, count, staticCount: staticBand(count, 16, 256, 16) };
}
