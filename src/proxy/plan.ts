/**
 * The decision of the proxy: what the node's nftables must hold for one Service. Chains belong to one service; elements go
 * into the maps that all share (nftables/base-table.ts). No state, no I/O.
 * @module
 */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { isInRange, isIPv4 } from "./addresses.ts";
import { balance, hash } from "./balance.ts";
import { targetsOf, type Place, type Target, type Targets } from "./endpoints.ts";

export interface ServicePlan {
  /** Chain name -> its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Map name -> key -> verdict. */
  readonly elements: ReadonlyMap<SharedMap, ReadonlyMap<string, string>>;
  /** Endpoints on this node: a pod that reaches itself through a service needs another source address. Shared by services. */
  readonly hairpins: ReadonlySet<string>;
  /** Dynamic sets of this service: name -> timeout in seconds. */
  readonly affinitySets: ReadonlyMap<string, number>;
  /** UDP: `address:port`, or `*:port` of a node port -> `address:port` of every endpoint that flows may lead to. */
  readonly flows: ReadonlyMap<string, ReadonlySet<string>>;
  /** For load balancers that ask which nodes serve. */
  readonly healthCheck: HealthCheck | undefined;
}

export interface HealthCheck {
  readonly port: number;
  /** Ready, and on this node. */
  readonly localEndpoints: number;
}

export type SharedMap =
  | "service-ips"
  | "service-nodeports"
  | "no-endpoint-services"
  | "no-endpoint-nodeports"
  | "firewall-ips";

export interface PlanOptions extends Place {
  readonly clusterCIDR: string;
  /** Of this node. */
  readonly nodeIPs: readonly string[];
}

export const emptyPlan: ServicePlan = {
  chains: new Map(),
  elements: new Map(),
  hairpins: new Set(),
  affinitySets: new Map(),
  flows: new Map(),
  healthCheck: undefined,
};

/** Traffic with this mark leaves with the node's address as its source. Upstream's bit. */
export const MASQUERADE_MARK = "0x4000";

interface Draft {
  readonly chains: Map<string, readonly string[]>;
  readonly elements: Map<SharedMap, Map<string, string>>;
  readonly hairpins: Set<string>;
  readonly affinitySets: Map<string, number>;
  readonly flows: Map<string, ReadonlySet<string>>;
}

/** One port of a service while it is planned. */
interface PortDraft {
  readonly draft: Draft;
  readonly service: Service;
  readonly port: ServicePort;
  readonly targets: Targets;
  readonly options: PlanOptions;
  readonly id: string;
  /** In lower case. */
  readonly protocol: string;
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
    flows: new Map(),
  };
  const localReady = new Set<string>();
  for (const port of service.spec?.ports ?? []) {
    const targets = targetsOf(service, port, slices, options);
    for (const { ip } of targets.localReady) localReady.add(ip);
    const protocol = (port.protocol ?? "TCP").toLowerCase();
    planPort({ draft, service, port, targets, options, id: idOf(service, port), protocol });
  }
  return { ...draft, healthCheck: healthCheckOf(service, localReady.size) };
}

function healthCheckOf({ spec }: Service, localEndpoints: number): HealthCheck | undefined {
  const port = spec?.healthCheckNodePort ?? 0;
  const isAsked = spec?.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local" && port > 0;
  return isAsked ? { port, localEndpoints } : undefined;
}

function planPort(of: PortDraft): void {
  const { draft, service, port, targets, options, id, protocol } = of;
  const spec = service.spec!;
  const internal = spec.internalTrafficPolicy === "Local" ? targets.local : targets.cluster;
  for (const target of [...targets.cluster, ...targets.local]) {
    if (target.isLocal) draft.hairpins.add(target.ip);
  }

  if (internal.length > 0) spread(of, `svc-${id}`, internal);
  const key = `${spec.clusterIP} . ${protocol} . ${port.port}`;
  if (internal.length > 0) put(draft, "service-ips", key, `goto ${clusterChain(draft, id, options)}`);
  else put(draft, "no-endpoint-services", key, refusal(targets));
  planExternal(of);
  rememberFlows(of);
}

/** External addresses, those of load balancers, and the node port. */
function planExternal(of: PortDraft): void {
  const { draft, service, port, targets, protocol } = of;
  const balancers = balancerAddresses(service);
  const addresses = new Set([...(service.spec?.externalIPs ?? []).filter(isIPv4), ...balancers]);
  const nodePort = port.nodePort ?? 0;
  if (addresses.size === 0 && nodePort === 0) return;
  const isLocalOnly = service.spec?.externalTrafficPolicy === "Local";
  const isOpen = (isLocalOnly ? targets.local : targets.cluster).length > 0;
  // even if nothing from outside is let in, pods and the node itself are
  const chain = targets.cluster.length > 0 ? externalChain(of) : undefined;
  const capture = (map: "services" | "nodeports", key: string): void => {
    const taking = map === "services" ? "service-ips" : "service-nodeports";
    if (chain !== undefined) put(draft, taking, key, `goto ${chain}`);
    if (!isOpen) put(draft, `no-endpoint-${map}`, key, refusal(targets));
  };
  for (const address of addresses) capture("services", `${address} . ${protocol} . ${port.port}`);
  if (nodePort > 0) capture("nodeports", `${protocol} . ${nodePort}`);
  const guard = firewall(of, balancers);
  for (const address of guard === undefined ? [] : balancers)
    put(draft, "firewall-ips", `${address} . ${protocol} . ${port.port}`, `goto ${guard}`);
}

/** Nobody serves: refused. Somebody serves, but not on this node, and the policy is Local: dropped. */
function refusal({ isServed }: Targets): string {
  return isServed ? "drop" : "goto reject-chain";
}

/** Clients outside the pod network get the node's address, so that answers come back through it. */
function clusterChain(draft: Draft, id: string, options: PlanOptions): string {
  const mark = `ip saddr != ${options.clusterCIDR} meta mark set meta mark or ${MASQUERADE_MARK}`;
  draft.chains.set(`cip-${id}`, [mark, `goto svc-${id}`]);
  return `cip-${id}`;
}

function externalChain(of: PortDraft): string {
  const { draft, service, targets, options, id } = of;
  const everywhere = clusterPolicyChain(of);
  const mark = `meta mark set meta mark or ${MASQUERADE_MARK}`;
  if (service.spec?.externalTrafficPolicy !== "Local") {
    draft.chains.set(`ext-${id}`, [mark, `goto ${everywhere}`]);
    return `ext-${id}`;
  }
  if (targets.local.length > 0) spread(of, `svl-${id}`, targets.local);
  // pods and the node itself reach every endpoint, as if they had used the cluster address
  draft.chains.set(`ext-${id}`, [
    `ip saddr ${options.clusterCIDR} goto ${everywhere}`,
    `fib saddr type local ${mark}`,
    `fib saddr type local goto ${everywhere}`,
    ...(targets.local.length > 0 ? [`goto svl-${id}`] : []),
  ]);
  return `ext-${id}`;
}

/** That of the cluster address serves here too, unless it knows local endpoints only. */
function clusterPolicyChain(of: PortDraft): string {
  if (of.service.spec?.internalTrafficPolicy !== "Local") return `svc-${of.id}`;
  spread(of, `svx-${of.id}`, of.targets.cluster);
  return `svx-${of.id}`;
}

/**
 * Who may use a load balancer's address. The node may by that address itself: where the balancer's address is one of the
 * node's own, its packets come back with it.
 */
function firewall(
  { draft, service, options, id }: PortDraft,
  balancers: readonly string[],
): string | undefined {
  const ranges = (service.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim()).filter(isIPv4);
  if (balancers.length === 0 || ranges.length === 0 || ranges.some((range) => range.endsWith("/0")))
    return undefined;
  const isNodeAllowed = options.nodeIPs.some((ip) => ranges.some((range) => isInRange(ip, range)));
  const sources = [...ranges, ...(isNodeAllowed ? balancers : [])];
  draft.chains.set(`fw-${id}`, [...sources.map((source) => `ip saddr ${source} return`), "drop"]);
  return `fw-${id}`;
}

function spread(of: PortDraft, chain: string, targets: readonly Target[]): void {
  const { draft, service, protocol, id } = of;
  const { chains, affinitySets } = balance({ chain, id, service, protocol, targets });
  for (const [name, rules] of chains) draft.chains.set(name, rules);
  for (const [name, seconds] of affinitySets) draft.affinitySets.set(name, seconds);
}

/** A service that nobody serves keeps its flows: upstream waits for the first endpoint. */
function rememberFlows({ draft, service, port, targets, protocol }: PortDraft): void {
  if (protocol !== "udp" || targets.serving.length === 0) return;
  const endpoints = new Set(targets.serving.map((target) => `${target.ip}:${target.port}`));
  const spec = service.spec!;
  const external = [...(spec.externalIPs ?? []).filter(isIPv4), ...balancerAddresses(service)];
  for (const address of [spec.clusterIP!, ...external]) draft.flows.set(`${address}:${port.port}`, endpoints);
  if ((port.nodePort ?? 0) > 0) draft.flows.set(`*:${port.nodePort}`, endpoints);
}

/** A balancer of mode `Proxy` sends to node ports, as a client of its own. */
function balancerAddresses({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== "Proxy")
    .flatMap(({ ip = "" }) => (isIPv4(ip) ? [ip] : []));
}

function put(draft: Draft, map: SharedMap, key: string, value: string): void {
  const elements = draft.elements.get(map) ?? new Map<string, string>();
  draft.elements.set(map, elements.set(key, value));
}

function idOf(service: Service, port: ServicePort): string {
  const { namespace, name } = service.metadata;
  return hash(`${namespace}/${name}:${port.name ?? ""}:${port.protocol ?? "TCP"}:${port.port}`);
}
