/** The decision of the service load-balancer controller, without clock, cache or network. @module */
import { keyOf } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { canonicalIp, familyOf } from "#api/validation/ip-range";
import type { AddressPool } from "./address-pool.ts";
import { contains, firstFree, hasFamily } from "./address-pool.ts";

/** Keeps a service until its address is given back. */
export const CLEANUP_FINALIZER = "service.kubernetes.io/load-balancer-cleanup";

export type LoadBalancerPlan =
  | { readonly action: "none" }
  /** Its finalizer and its status are to go, and its addresses are free. */
  | { readonly action: "release" }
  /** One address of each family, in the order of the service's families. */
  | { readonly action: "ensure"; readonly ips: readonly string[] }
  | { readonly action: "fail"; readonly message: string };

/** A class is somebody else's. */
export function wantsLoadBalancer({ spec }: Service): boolean {
  return spec?.type === "LoadBalancer" && spec.loadBalancerClass === undefined;
}

export function hasFinalizer({ metadata }: Service): boolean {
  return (metadata.finalizers ?? []).includes(CLEANUP_FINALIZER);
}

export function needsCleanup(service: Service): boolean {
  if (!hasFinalizer(service)) return false;
  return service.metadata.deletionTimestamp !== undefined || !wantsLoadBalancer(service);
}

export function isConcerned(service: Service): boolean {
  return wantsLoadBalancer(service) || needsCleanup(service);
}

/** `holderOf`: the key of the service that has an address. An address is never shared. */
export function plan(
  service: Service,
  pool: AddressPool,
  holderOf: (ip: string) => string | undefined,
): LoadBalancerPlan {
  if (needsCleanup(service)) return { action: "release" };
  if (!wantsLoadBalancer(service) || service.metadata.deletionTimestamp !== undefined)
    return { action: "none" };
  const families = familiesOf(service, pool);
  if ("message" in families) return fail(families.message);
  const requested = canonicalIp(service.spec?.loadBalancerIP ?? "");
  if (requested !== "" && contains(pool, requested) && !families.of.includes(familyOf(requested)))
    return fail(`the address ${requested} is not of the families of the service, ${families.of.join()}`);
  const isTaken = (ip: string): boolean => (holderOf(ip) ?? keyOf(service)) !== keyOf(service);
  const current = addressesOf(service);
  const ips: string[] = [];
  for (const family of families.of) {
    const own = current.find((ip) => familyOf(ip) === family);
    const isRequested = requested !== "" && (familyOf(requested) === family || !contains(pool, requested));
    const choice = isRequested ? take(requested, pool, isTaken) : keepOrTake(own, family, pool, isTaken);
    if ("message" in choice) return fail(choice.message);
    ips.push(choice.ip);
  }
  return hasFinalizer(service) && hasStatus(service, ips) ? { action: "none" } : { action: "ensure", ips };
}

/** Who would rather have two families is content with the one that the pool has. */
function familiesOf(
  { spec }: Service,
  pool: AddressPool,
): { readonly of: readonly IpFamily[] } | { readonly message: string } {
  const asked = (spec?.ipFamilies ?? ["IPv4"]) as readonly IpFamily[];
  const of = asked.filter((family) => hasFamily(pool, family));
  const missing = asked.find((family) => !hasFamily(pool, family));
  if (missing === undefined || (of.length > 0 && spec?.ipFamilyPolicy !== "RequireDualStack")) return { of };
  return { message: `no addresses of the family ${missing} in ${pool.text}` };
}

type Choice = { readonly ip: string } | { readonly message: string };

function keepOrTake(
  current: string | undefined,
  family: IpFamily,
  pool: AddressPool,
  isTaken: (ip: string) => boolean,
): Choice {
  if (current !== undefined && contains(pool, current) && !isTaken(current)) return { ip: current };
  const ip = firstFree(pool, family, isTaken);
  return ip === undefined ? { message: `no ${family} address of ${pool.text} is free` } : { ip };
}

function take(ip: string, pool: AddressPool, isTaken: (ip: string) => boolean): Choice {
  if (!contains(pool, ip)) return { message: `the address ${ip} is not in ${pool.text}` };
  return isTaken(ip) ? { message: `the address ${ip} belongs to another service` } : { ip };
}

function fail(reason: string): LoadBalancerPlan {
  return { action: "fail", message: `failed to ensure load balancer: ${reason}` };
}

/** In canonical notation. */
export function addressesOf({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : canonicalIp(ip)));
}

function hasStatus({ status }: Service, ips: readonly string[]): boolean {
  const ingress = status?.loadBalancer?.ingress ?? [];
  return (
    ingress.length === ips.length && ingress.every(({ ip, ipMode }, i) => ip === ips[i] && ipMode === "VIP")
  );
}

/** Fewer addresses than families: one that comes free may be its. */
export function isWaiting(service: Service): boolean {
  const families = service.spec?.ipFamilies?.length ?? 1;
  return wantsLoadBalancer(service) && addressesOf(service).length < families;
}

/** What a change of the spec is told as: reason and message of events. */
export function changesOf(
  old: Service,
  now: Service,
): readonly (readonly [reason: string, message: string])[] {
  const [a, b] = [old.spec ?? {}, now.spec ?? {}];
  const changes: (readonly [string, string | undefined, string | undefined])[] = [
    ["Type", a.type, b.type],
    ["LoadBalancerSourceRanges", listText(a.loadBalancerSourceRanges), listText(b.loadBalancerSourceRanges)],
    ["LoadbalancerIP", a.loadBalancerIP, b.loadBalancerIP],
    ["UID", old.metadata.uid, now.metadata.uid],
    ["ExternalTrafficPolicy", a.externalTrafficPolicy, b.externalTrafficPolicy],
    ["HealthCheckNodePort", String(a.healthCheckNodePort ?? 0), String(b.healthCheckNodePort ?? 0)],
  ];
  const relevant = wantsLoadBalancer(old) === wantsLoadBalancer(now) ? changes : changes.slice(0, 1);
  return relevant
    .filter(([, from, to]) => from !== to)
    .map(([reason, from = "", to = ""]) => [reason, `${from} -> ${to}`]);
}

function listText(list: readonly string[] | undefined): string {
  return `[${(list ?? []).join(" ")}]`;
}
