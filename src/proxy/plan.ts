/**
 * The decision of the proxy: what the node's nftables must hold for one Service. Chains belong to one service; elements go
 * into the maps that all share (nftables/base-table.ts). No state, no I/O.
 * @module
 */
import { createHash } from "node:crypto";
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { targetsOf, type Target, type Targets } from "./endpoints.ts";

export interface ServicePlan {
  /** Chain name -> its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Map name -> key -> verdict. */
  readonly elements: ReadonlyMap<SharedMap, ReadonlyMap<string, string>>;
  /** Endpoints on this node: a pod that reaches itself through a service needs another source address. Shared by services. */
  readonly hairpins: ReadonlySet<string>;
  /** Dynamic sets of this service: name -> timeout in seconds. */
  readonly affinitySets: ReadonlyMap<string, number>;
}

export type SharedMap =
  | "service-ips"
  | "service-nodeports"
  | "no-endpoint-services"
  | "no-endpoint-nodeports";

export interface PlanOptions {
  readonly nodeName: string;
  readonly clusterCIDR: string;
}

export const emptyPlan: ServicePlan = {
  chains: new Map(),
  elements: new Map(),
  hairpins: new Set(),
  affinitySets: new Map(),
};

/** Traffic with this mark leaves with the node's address as its source. Upstream's bit. */
export const MASQUERADE_MARK = "0x4000";
const AFFINITY_SECONDS_DEFAULT = 10_800;

interface Draft {
  readonly chains: Map<string, readonly string[]>;
  readonly elements: Map<SharedMap, Map<string, string>>;
  readonly hairpins: Set<string>;
  readonly affinitySets: Map<string, number>;
}

/** Headless and ExternalName services, and those of another address family, need nothing. */
export function plan(service: Service, slices: readonly EndpointSlice[], options: PlanOptions): ServicePlan {
  const clusterIP = service.spec?.clusterIP;
  if (service.spec?.type === "ExternalName" || clusterIP === undefined || !isIPv4(clusterIP))
    return emptyPlan;
  const draft: Draft = {
    chains: new Map(),
    elements: new Map(),
    hairpins: new Set(),
    affinitySets: new Map(),
  };
  for (const port of service.spec?.ports ?? []) {
    planPort(draft, service, port, targetsOf(service, port, slices, options.nodeName), options);
  }
  return draft;
}

function planPort(
  draft: Draft,
  service: Service,
  port: ServicePort,
  targets: Targets,
  options: PlanOptions,
): void {
  const spec = service.spec!;
  const id = idOf(service, port);
  const protocol = (port.protocol ?? "TCP").toLowerCase();
  const isInternalLocal = spec.internalTrafficPolicy === "Local";
  const isExternalLocal = spec.externalTrafficPolicy === "Local";
  const internal = isInternalLocal ? targets.local : targets.cluster;
  for (const target of [...targets.cluster, ...targets.local]) {
    if (target.isLocal) draft.hairpins.add(target.ip);
  }

  if (internal.length > 0) balance(draft, `svc-${id}`, service, protocol, internal);
  const key = `${spec.clusterIP} . ${protocol} . ${port.port}`;
  if (internal.length > 0) put(draft, "service-ips", key, `goto ${clusterChain(draft, id, options)}`);
  else put(draft, "no-endpoint-services", key, refusal(targets));

  const addresses = externalAddresses(service);
  const nodePort = port.nodePort ?? 0;
  if (addresses.length === 0 && nodePort === 0) return;
  const external = isExternalLocal ? targets.local : targets.cluster;
  if (external.length > 0) externalChain(draft, id, service, protocol, targets, options);
  const verdict =
    external.length > 0 ? `goto ext-${id}` : targets.cluster.length > 0 ? "drop" : "goto reject-chain";
  const isServed = external.length > 0;
  for (const address of addresses) {
    put(
      draft,
      isServed ? "service-ips" : "no-endpoint-services",
      `${address} . ${protocol} . ${port.port}`,
      verdict,
    );
  }
  if (nodePort > 0) {
    put(
      draft,
      isServed ? "service-nodeports" : "no-endpoint-nodeports",
      `${protocol} . ${nodePort}`,
      verdict,
    );
  }
}

/** Nobody serves: refused. Somebody serves, but not on this node, and the policy is Local: dropped. */
function refusal(targets: Targets): string {
  return targets.cluster.length > 0 ? "drop" : "goto reject-chain";
}

/** Clients outside the pod network get the node's address, so that answers come back through it. */
function clusterChain(draft: Draft, id: string, options: PlanOptions): string {
  const mark = `ip saddr != ${options.clusterCIDR} meta mark set meta mark or ${MASQUERADE_MARK}`;
  draft.chains.set(`cip-${id}`, [mark, `goto svc-${id}`]);
  return `cip-${id}`;
}

function externalChain(
  draft: Draft,
  id: string,
  service: Service,
  protocol: string,
  targets: Targets,
  options: PlanOptions,
): void {
  if (service.spec?.externalTrafficPolicy !== "Local") {
    if (!draft.chains.has(`svc-${id}`)) balance(draft, `svc-${id}`, service, protocol, targets.cluster);
    draft.chains.set(`ext-${id}`, [`meta mark set meta mark or ${MASQUERADE_MARK}`, `goto svc-${id}`]);
    return;
  }
  balance(draft, `svl-${id}`, service, protocol, targets.local);
  balance(draft, `svx-${id}`, service, protocol, targets.cluster);
  // pods and the node itself reach every endpoint, as if they had used the cluster address
  draft.chains.set(`ext-${id}`, [
    `ip saddr ${options.clusterCIDR} goto svx-${id}`,
    `fib saddr type local meta mark set meta mark or ${MASQUERADE_MARK}`,
    `fib saddr type local goto svx-${id}`,
    `goto svl-${id}`,
  ]);
}

function balance(
  draft: Draft,
  chain: string,
  service: Service,
  protocol: string,
  targets: readonly Target[],
): void {
  if (service.spec?.sessionAffinity === "ClientIP")
    return balanceWithAffinity(draft, chain, service, protocol, targets);
  const [first, ...others] = targets;
  const destination =
    others.length === 0
      ? `dnat ip to ${first!.ip}:${first!.port}`
      : `dnat ip to numgen random mod ${targets.length} map { ${targets
          .map(({ ip, port }, index) => `${index} : ${ip} . ${port}`)
          .join(" , ")} }`;
  draft.chains.set(chain, [`meta l4proto ${protocol} ${destination}`]);
}

/** A set per endpoint remembers its clients; a client found in one goes there again. */
function balanceWithAffinity(
  draft: Draft,
  chain: string,
  service: Service,
  protocol: string,
  targets: readonly Target[],
): void {
  const seconds = service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT;
  const endpoints = targets.map((target) => ({ target, name: hash(`${chain} ${target.ip}:${target.port}`) }));
  for (const { target, name } of endpoints) {
    draft.affinitySets.set(`aff-${name}`, seconds);
    draft.chains.set(`ep-${name}`, [
      `update @aff-${name} { ip saddr }`,
      `meta l4proto ${protocol} dnat ip to ${target.ip}:${target.port}`,
    ]);
  }
  const verdicts = endpoints.map(({ name }, index) => `${index} : goto ep-${name}`);
  draft.chains.set(chain, [
    ...endpoints.map(({ name }) => `ip saddr @aff-${name} goto ep-${name}`),
    `numgen random mod ${endpoints.length} vmap { ${verdicts.join(" , ")} }`,
  ]);
}

function externalAddresses(service: Service): readonly string[] {
  const ingress = (service.status?.loadBalancer?.ingress ?? [])
    .filter((entry) => entry.ipMode !== "Proxy")
    .flatMap((entry) => (entry.ip === undefined ? [] : [entry.ip]));
  return [...new Set([...(service.spec?.externalIPs ?? []), ...ingress])].filter(isIPv4);
}

function put(draft: Draft, map: SharedMap, key: string, value: string): void {
  const elements = draft.elements.get(map) ?? new Map<string, string>();
  draft.elements.set(map, elements.set(key, value));
}

function idOf(service: Service, port: ServicePort): string {
  const { namespace, name } = service.metadata;
  return hash(`${namespace}/${name}:${port.name ?? ""}:${port.protocol ?? "TCP"}:${port.port}`);
}

/** 64 bits: two services would have to collide on one node. */
function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function isIPv4(address: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address);
}
