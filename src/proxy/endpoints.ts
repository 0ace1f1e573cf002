/** Which endpoints of a Service's port get traffic, by upstream's rules of readiness, termination, topology and locality. @module */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";

export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly isLocal: boolean;
}

export interface Targets {
  /** For the `Cluster` traffic policy: of this node or zone alone where the hints allow it. */
  readonly cluster: readonly Target[];
  /** For the `Local` one: those on this node. */
  readonly local: readonly Target[];
  /** Somebody serves, here or elsewhere. */
  readonly isServed: boolean;
  /** All that serve, whatever the policies say: what a flow that goes on may lead to. */
  readonly serving: readonly Target[];
  /** What health checks count. */
  readonly localReady: readonly Target[];
}

/** Where the traffic comes from. */
export interface Place {
  readonly nodeName: string;
  /** Of the node's label `topology.kubernetes.io/zone`. */
  readonly zone?: string | undefined;
}

interface Candidate extends Target {
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  readonly hints: Endpoint["hints"];
}

/** Sorted, so that equal sets give equal rules. Endpoints that terminate serve only when no ready one is left (KEP-1669). */
export function targetsOf(
  service: Service,
  port: ServicePort,
  slices: readonly EndpointSlice[],
  place: Place,
): Targets {
  const candidates = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    for (const candidate of candidatesOf(service, port, slice, place)) {
      candidates.set(`${candidate.ip}:${candidate.port}`, candidate);
    }
  }
  const all = [...candidates.values()].toSorted((a, b) => compare(a.ip, b.ip) || a.port - b.port);
  const ready = all.filter(({ isReady }) => isReady);
  const ending = all.filter(({ isServing, isTerminating }) => isServing && isTerminating);
  const isHere = ({ isLocal }: Candidate): boolean => isLocal;
  const localReady = ready.filter(isHere);
  return {
    cluster: plain(ready.length > 0 ? closest(ready, place) : ending),
    local: plain(localReady.length > 0 ? localReady : ending.filter(isHere)),
    isServed: ready.length > 0 || ending.length > 0,
    serving: plain(all.filter(({ isServing }) => isServing)),
    localReady: plain(localReady),
  };
}

/**
 * Hints (`spec.trafficDistribution`) hold only if every ready endpoint has them and one is for here: by node first, then by
 * zone; otherwise all are used (KEP-3015).
 */
function closest(ready: readonly Candidate[], { nodeName, zone }: Place): readonly Candidate[] {
  const byNode = hinted(ready, (hints) => hints?.forNodes, nodeName);
  return (
    byNode ?? (zone === undefined ? undefined : hinted(ready, (hints) => hints?.forZones, zone)) ?? ready
  );
}

function hinted(
  ready: readonly Candidate[],
  namesOf: (hints: Endpoint["hints"]) => readonly { readonly name: string }[] | undefined,
  here: string,
): readonly Candidate[] | undefined {
  if (ready.some(({ hints }) => (namesOf(hints) ?? []).length === 0)) return undefined;
  const close = ready.filter(({ hints }) => namesOf(hints)?.some(({ name }) => name === here));
  return close.length > 0 ? close : undefined;
}

function candidatesOf(
  service: Service,
  port: ServicePort,
  slice: EndpointSlice,
  { nodeName }: Place,
): readonly Candidate[] {
  const protocol = port.protocol ?? "TCP";
  const targets = (slice.ports ?? []).filter(
    (p) => (p.name ?? "") === (port.name ?? "") && (p.protocol ?? "TCP") === protocol && p.port !== undefined,
  );
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions, hints, nodeName: on }) => {
    const isReady = service.spec?.publishNotReadyAddresses === true || conditions?.ready !== false;
    const isServing = conditions?.serving ?? isReady;
    const isTerminating = conditions?.terminating === true;
    const isLocal = on === nodeName;
    // kube-proxy uses the first address alone: the API calls all of an endpoint's addresses fungible
    const ip = addresses[0];
    if (ip === undefined) return [];
    return targets.map((p) => ({ ip, port: p.port!, isLocal, isReady, isServing, isTerminating, hints }));
  });
}

function plain(candidates: readonly Candidate[]): readonly Target[] {
  return candidates.map(({ ip, port, isLocal }) => ({ ip, port, isLocal }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
