/** What a ServiceCIDR needs: its finalizer, its condition, and when it may go. Pure. @module */
import { BlockList, isIPv6 } from "node:net";
import { parseTime } from "#apimachinery";
import type { Condition } from "#api/meta/v1/types.gen";
import type { IPAddress, ServiceCIDR } from "#api/networking/v1/types.gen";

export const FINALIZER = "networking.k8s.io/service-cidr-finalizer";
/** So long the allocators of all servers have to see that a range is going, before it goes. */
const DELETION_GRACE_MS = 10_000;
const MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by";
const IP_ALLOCATOR = "ipallocator.k8s.io";

export interface ServiceCIDRPlan {
  readonly finalizer?: "add" | "remove";
  /** To be applied; absent: it is there already. */
  readonly condition?: Condition;
  /** Look again. */
  readonly afterMs?: number;
}

export function planServiceCIDR(
  cidr: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
  nowMs: number,
  now: string,
): ServiceCIDRPlan {
  const has = cidr.metadata.finalizers?.includes(FINALIZER) ?? false;
  const { deletionTimestamp } = cidr.metadata;
  if (deletionTimestamp === undefined) {
    const condition = changed(cidr, {
      type: "Ready",
      status: "True",
      reason: "",
      message: "Kubernetes Service CIDR is ready",
      lastTransitionTime: now,
    });
    return { ...(!has && { finalizer: "add" }), ...(condition !== undefined && { condition }) };
  }
  if (!mayGo(cidr, all, addresses)) {
    const condition = changed(cidr, {
      type: "Ready",
      status: "False",
      reason: "Terminating",
      message:
        "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
      lastTransitionTime: now,
    });
    return condition === undefined ? {} : { condition };
  }
  const leftMs = parseTime(deletionTimestamp) + DELETION_GRACE_MS - nowMs;
  if (leftMs > 0) return { afterMs: leftMs };
  return has ? { finalizer: "remove" } : {};
}

/** Names of the ServiceCIDRs that hold the address. */
export function containing({ metadata }: IPAddress, all: readonly ServiceCIDR[]): readonly string[] {
  if (metadata.labels?.[MANAGED_BY_LABEL] !== IP_ALLOCATOR) return [];
  return all.filter((cidr) => holdsAddress(cidr, metadata.name)).map((cidr) => cidr.metadata.name);
}

/** Names of the others that hold a range of this one, or lie in one: what it does decides about them. */
export function overlapping(cidr: ServiceCIDR, all: readonly ServiceCIDR[]): readonly string[] {
  const ranges = cidrsOf(cidr);
  return all
    .filter((other) =>
      cidrsOf(other).some((theirs) => ranges.some((own) => holds(own, theirs) || holds(theirs, own))),
    )
    .map(({ metadata }) => metadata.name);
}

/** Its addresses all lie in other ranges, or it has none. */
function mayGo(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const others = all.filter(({ metadata }) => metadata.name !== cidr.metadata.name);
  const isCovered = cidrsOf(cidr).every((own) =>
    others.some((other) => cidrsOf(other).some((theirs) => holds(theirs, own))),
  );
  if (isCovered) return true;
  return !addresses.some(
    ({ metadata }) =>
      metadata.labels?.[MANAGED_BY_LABEL] === IP_ALLOCATOR &&
      holdsAddress(cidr, metadata.name) &&
      !others.some((other) => holdsAddress(other, metadata.name)),
  );
}

function changed({ status }: ServiceCIDR, wanted: Condition): Condition | undefined {
  const current = status?.conditions?.find(({ type }) => type === wanted.type);
  const isSame =
    current?.status === wanted.status &&
    (current.reason ?? "") === wanted.reason &&
    current.message === wanted.message;
  return isSame ? undefined : wanted;
}

function cidrsOf({ spec }: ServiceCIDR): readonly string[] {
  return spec?.cidrs ?? [];
}

function holdsAddress(cidr: ServiceCIDR, ip: string): boolean {
  return cidrsOf(cidr).some((range) => range.includes(":") === isIPv6(ip) && contains(range, ip));
}

/** Whether the first range holds all of the second. */
function holds(outer: string, inner: string): boolean {
  if (outer.includes(":") !== inner.includes(":")) return false;
  const [ip = "", bits = ""] = inner.split("/");
  return Number(outer.split("/")[1]) <= Number(bits) && contains(outer, ip);
}

function contains(range: string, ip: string): boolean {
  const [network = "", bits = ""] = range.split("/");
  const family = isIPv6(ip) ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(ip, family);
}
