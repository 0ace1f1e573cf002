/** The decision of the service load-balancer controller, without clock, cache or network. @module */
import { keyOf } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { AddressPool } from "./address-pool.ts";
import { contains, firstFree } from "./address-pool.ts";

/** Keeps a service until its address is given back. */
export const CLEANUP_FINALIZER = "service.kubernetes.io/load-balancer-cleanup";

export type LoadBalancerPlan =
  | { readonly action: "none" }
  /** Its finalizer and its status are to go, and its address is free. */
  | { readonly action: "release" }
  | { readonly action: "ensure"; readonly ip: string }
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
  const families = service.spec?.ipFamilies ?? [];
  if (families.length > 0 && !families.includes("IPv4"))
    return fail(`no addresses of the family ${families[0]} in ${pool.text}`);
  const isTaken = (ip: string): boolean => (holderOf(ip) ?? keyOf(service)) !== keyOf(service);
  const current = addressOf(service);
  const requested = service.spec?.loadBalancerIP ?? "";
  const choice = requested === "" ? keepOrTake(current, pool, isTaken) : take(requested, pool, isTaken);
  if ("message" in choice) return fail(choice.message);
  const { ip } = choice;
  return ip === current && hasFinalizer(service) && hasStatus(service, ip)
    ? { action: "none" }
    : { action: "ensure", ip };
}

type Choice = { readonly ip: string } | { readonly message: string };

function keepOrTake(
  current: string | undefined,
  pool: AddressPool,
  isTaken: (ip: string) => boolean,
): Choice {
  if (current !== undefined && contains(pool, current) && !isTaken(current)) return { ip: current };
  const ip = firstFree(pool, isTaken);
  return ip === undefined ? { message: `no address of ${pool.text} is free` } : { ip };
}

function take(ip: string, pool: AddressPool, isTaken: (ip: string) => boolean): Choice {
  if (!contains(pool, ip)) return { message: `the address ${ip} is not in ${pool.text}` };
  return isTaken(ip) ? { message: `the address ${ip} belongs to another service` } : { ip };
}

function fail(reason: string): LoadBalancerPlan {
  return { action: "fail", message: `failed to ensure load balancer: ${reason}` };
}

export function addressOf({ status }: Service): string | undefined {
  return status?.loadBalancer?.ingress?.[0]?.ip;
}

function hasStatus({ status }: Service, ip: string): boolean {
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.length === 1 && ingress[0]!.ip === ip && ingress[0]!.ipMode === "VIP";
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
