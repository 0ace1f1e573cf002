/**
 * The decision of the proxy: where one Service answers on this node, in one address family, and which endpoints stand behind it.
 * How the kernel is told is not decided here (service-table.ts). No state, no I/O.
 * @module
 */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { canonical, isInRange, ofFamily } from "./addresses.ts";
import { inSteps } from "./turns.ts";
import { targetsOf, type Place, type Target, type Targets } from "./endpoints.ts";

export interface ServicePlan {
  readonly ports: readonly PortPlan[];
  /** One at most: its other ports are refused. Shared with a service that is made as another one of the address goes. */
  readonly clusterIPs: ReadonlySet<string>;
  /** Endpoints on this node: a pod that reaches itself through a service needs another source address. Shared by services. */
  readonly hairpins: ReadonlySet<string>;
  /** UDP: `address:port`, or `*:port` of a node port -> `address:port` of every endpoint that flows may lead to. */
  readonly flows: ReadonlyMap<string, ReadonlySet<string>>;
  /** For load balancers that ask which nodes serve. */
  readonly healthCheck: HealthCheck | undefined;
}

export interface PortPlan {
  /** Of the port among all ports of all services. */
  readonly id: string;
  /** In lower case. */
  readonly protocol: string;
  /** With session affinity: how long a client is remembered. */
  readonly affinitySeconds: number | undefined;
  readonly pools: Pools;
  readonly frontends: readonly Frontend[];
  /** Traffic policies `Local` that found nobody here, though somebody serves. */
  readonly withoutLocal: readonly TrafficPolicy[];
}

export type TrafficPolicy = "internal" | "external";

/** `cluster`: by the policy Cluster; `local`: endpoints of this node. Elements are `address . port`. */
export const POOLS = ["cluster", "local"] as const;
export type PoolName = (typeof POOLS)[number];
export type Pools = Readonly<Record<PoolName, ReadonlySet<string>>>;

/** Where a service can be reached. */
export interface Frontend {
  /** An address with a port, or a port of the node's addresses. */
  readonly scope: Scope;
  /** `address . protocol . port`, or `protocol . port`. */
  readonly key: string;
  /** Without the protocol. */
  readonly shortKey: string;
  readonly route: Route | undefined;
  /** For those whom `route` does not take. */
  readonly refusal: Refusal | undefined;
  /** Ranges that alone may come; undefined: all may. */
  readonly sources: readonly string[] | undefined;
}

export const SCOPES = ["services", "nodeports"] as const;
export type Scope = (typeof SCOPES)[number];
/** Nobody serves: refused. Somebody serves, but not on this node, and the policy is Local: dropped. */
export type Refusal = "goto reject-chain" | "drop";

export type Route =
  /** Who comes from outside the pod network gets the node's address. */
  | { readonly type: "internal"; readonly pool: PoolName }
  /** Everybody gets the node's address, so that answers come back through it. */
  | { readonly type: "external" }
  /** Clients keep their address; pods and the node itself reach every endpoint all the same. */
  | { readonly type: "external-local" };

export interface HealthCheck {
  readonly port: number;
  /** Ready, and on this node. */
  readonly localEndpoints: number;
}

export interface PlanOptions extends Place {
  /** Of this node, of both families. */
  readonly nodeIPs: readonly string[];
}

export const emptyPlan: ServicePlan = {
  ports: [],
  clusterIPs: new Set(),
  hairpins: new Set(),
  flows: new Map(),
  healthCheck: undefined,
};

const AFFINITY_SECONDS_DEFAULT = 10_800;
/** Such services are somebody else's. */
const PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name";

/** A service, in the family that is planned for. */
interface Subject {
  readonly service: Service;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  readonly balancerIPs: readonly string[];
  /** Who may use addresses of load balancers; undefined: everybody. */
  readonly sources: readonly string[] | undefined;
}

/** Headless and ExternalName services, those without an address of the family, and other proxies' need nothing. */
export function plan(service: Service, slices: readonly EndpointSlice[], options: PlanOptions): ServicePlan {
  const steps = planSteps(service, slices, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** The same, port after port: yields how many endpoints it has looked at since it last did. */
export function* planSteps(
  service: Service,
  slices: readonly EndpointSlice[],
  options: PlanOptions,
): Generator<number, ServicePlan> {
  const subject = subjectOf(service, options);
  if (subject === undefined) return emptyPlan;
  const ports: PortPlan[] = [];
  const hairpins = new Set<string>();
  const flows = new Map<string, ReadonlySet<string>>();
  const localReady = new Set<string>();
  for (const port of service.spec?.ports ?? []) {
    const targets = yield* targetsOf(port, slices, options);
    yield* inSteps(targets.localReady, ({ ip }) => localReady.add(ip));
    yield* inSteps(targets.cluster, ({ ip, isLocal }) => isLocal && hairpins.add(ip));
    yield* inSteps(targets.local, ({ ip }) => hairpins.add(ip));
    ports.push(yield* planPort(subject, port, targets));
    yield* rememberFlows(flows, subject, port, targets);
  }
  const clusterIPs = new Set([subject.clusterIP]);
  return { ports, clusterIPs, hairpins, flows, healthCheck: healthCheckOf(service, localReady.size) };
}

function subjectOf(service: Service, { family, nodeIPs }: PlanOptions): Subject | undefined {
  const { spec, metadata } = service;
  if (spec === undefined || spec.type === "ExternalName") return undefined;
  if (metadata.labels?.[PROXY_NAME_LABEL] !== undefined) return undefined;
  const ips = (spec.clusterIPs ?? []).length > 0 ? spec.clusterIPs! : [spec.clusterIP ?? ""];
  const [clusterIP] = ofFamily(ips, family);
  if (clusterIP === undefined) return undefined;
  const balancerIPs = balancerAddresses(service, family);
  return {
    service,
    clusterIP: canonical(clusterIP),
    externalIPs: ofFamily(spec.externalIPs ?? [], family).map(canonical),
    balancerIPs,
    sources: sourcesOf(spec.loadBalancerSourceRanges ?? [], balancerIPs, ofFamily(nodeIPs, family)),
  };
}

/** A balancer of mode `Proxy` sends to node ports, as a client of its own. */
function balancerAddresses({ status }: Service, family: Place["family"]): readonly string[] {
  const ips = (status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== "Proxy")
    .flatMap(({ ip }) => ip ?? []);
  return ofFamily(ips, family).map(canonical);
}

/**
 * The node may come by a balancer's own address: where that is one of the node's, its packets come back with it. Ranges of the
 * other family alone say nothing about this one.
 */
function sourcesOf(
  wanted: readonly string[],
  balancerIPs: readonly string[],
  nodeIPs: readonly string[],
): readonly string[] | undefined {
  const [ip] = balancerIPs;
  if (ip === undefined) return undefined;
  const trimmed = wanted.map((range) => range.trim());
  const ranges = ofFamily(trimmed, ip.includes(":") ? "IPv6" : "IPv4");
  if (ranges.length === 0 || ranges.some((range) => range.endsWith("/0"))) return undefined;
  const isNodeAllowed = nodeIPs.some((own) => ranges.some((range) => isInRange(own, range)));
  return [...ranges, ...(isNodeAllowed ? balancerIPs : [])];
}

function* planPort(subject: Subject, port: ServicePort, targets: Targets): Generator<number, PortPlan> {
  const { service } = subject;
  const { namespace, name } = service.metadata;
  const spec = service.spec!;
  const protocol = (port.protocol ?? "TCP").toLowerCase();
  const affinity = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT;
  const cluster = yield* setOf(targets.cluster, ({ text }) => text);
  const isLocalUsed = spec.internalTrafficPolicy === "Local" || spec.externalTrafficPolicy === "Local";
  const local = yield* setOf(isLocalUsed ? targets.local : [], ({ text }) => text);
  const draft = { subject, port, protocol, targets };
  const internal = internalFrontend(draft);
  const external = externalFrontends(draft);
  return {
    id: `${namespace}/${name}:${port.name ?? ""}:${protocol}:${port.port}`,
    protocol,
    affinitySeconds: spec.sessionAffinity === "ClientIP" ? affinity : undefined,
    pools: { cluster, local },
    frontends: distinct([internal, ...external]),
    withoutLocal: [
      ...(internal.refusal === "drop" ? (["internal"] as const) : []),
      ...(external.some(({ refusal }) => refusal === "drop") ? (["external"] as const) : []),
    ],
  };
}

function* setOf(
  targets: readonly Target[],
  textOf: (target: Target) => string,
): Generator<number, ReadonlySet<string>> {
  const texts = new Set<string>();
  yield* inSteps(targets, (target) => texts.add(textOf(target)));
  return texts;
}

/** One port of a service while it is planned. */
interface PortDraft {
  readonly subject: Subject;
  readonly port: ServicePort;
  readonly protocol: string;
  readonly targets: Targets;
}

function internalFrontend({ subject, port, protocol, targets }: PortDraft): Frontend {
  const pool = subject.service.spec?.internalTrafficPolicy === "Local" ? "local" : "cluster";
  const isOpen = targets[pool].length > 0;
  return {
    scope: "services",
    key: `${subject.clusterIP} . ${protocol} . ${port.port}`,
    shortKey: `${subject.clusterIP} . ${port.port}`,
    route: isOpen ? { type: "internal", pool } : undefined,
    refusal: isOpen ? undefined : refusalOf(targets),
    sources: undefined,
  };
}

/** External addresses, those of load balancers, and the node port. */
function externalFrontends({ subject, port, protocol, targets }: PortDraft): readonly Frontend[] {
  const { service, externalIPs, balancerIPs, sources } = subject;
  const isLocal = service.spec?.externalTrafficPolicy === "Local";
  const isOpen = (isLocal ? targets.local : targets.cluster).length > 0;
  // even if nothing from outside is let in, pods and the node itself are
  const isRouted = targets.cluster.length > 0;
  const shared = {
    route: isRouted ? ({ type: isLocal ? "external-local" : "external" } as const) : undefined,
    refusal: isOpen ? undefined : refusalOf(targets),
  };
  const frontends = [...externalIPs, ...balancerIPs].map((ip): Frontend => {
    const isGuarded = balancerIPs.includes(ip);
    return {
      scope: "services",
      key: `${ip} . ${protocol} . ${port.port}`,
      shortKey: `${ip} . ${port.port}`,
      ...shared,
      sources: isGuarded ? sources : undefined,
    };
  });
  const nodePort = port.nodePort ?? 0;
  if (nodePort > 0)
    frontends.push({
      scope: "nodeports",
      key: `${protocol} . ${nodePort}`,
      shortKey: String(nodePort),
      ...shared,
      sources: undefined,
    });
  return frontends;
}

function refusalOf({ isServed }: Targets): Refusal {
  return isServed ? "drop" : "goto reject-chain";
}

/** The same address may be named twice, as that of a balancer and as an external one. */
function distinct(frontends: readonly Frontend[]): readonly Frontend[] {
  const byKey = new Map<string, Frontend>();
  for (const frontend of frontends) if (!byKey.has(frontend.key)) byKey.set(frontend.key, frontend);
  return byKey.size === frontends.length ? frontends : [...byKey.values()];
}

function healthCheckOf({ spec }: Service, localEndpoints: number): HealthCheck | undefined {
  const port = spec?.healthCheckNodePort ?? 0;
  const isAsked = spec?.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local" && port > 0;
  return isAsked ? { port, localEndpoints } : undefined;
}

/** A service that nobody serves keeps its flows: upstream waits for the first endpoint. */
function* rememberFlows(
  flows: Map<string, ReadonlySet<string>>,
  { clusterIP, externalIPs, balancerIPs }: Subject,
  port: ServicePort,
  { serving }: Targets,
): Generator<number, void> {
  if (port.protocol !== "UDP" || serving.length === 0) return;
  const endpoints = yield* setOf(serving, (target) => `${target.ip}:${target.port}`);
  for (const address of [clusterIP, ...externalIPs, ...balancerIPs])
    flows.set(`${address}:${port.port}`, endpoints);
  if ((port.nodePort ?? 0) > 0) flows.set(`*:${port.nodePort}`, endpoints);
}
