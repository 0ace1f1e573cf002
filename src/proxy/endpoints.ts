/** Which endpoints of a Service's port get traffic, by upstream's rules of readiness, termination and locality. @module */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";

export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly isLocal: boolean;
}

export interface Targets {
  /** For the `Cluster` traffic policy. */
  readonly cluster: readonly Target[];
  /** For the `Local` one: those on this node. */
  readonly local: readonly Target[];
}

interface Candidate extends Target {
  readonly isReady: boolean;
  readonly isServing: boolean;
}

/** Sorted, so that equal sets give equal rules. Endpoints that terminate serve only when no ready one is left (KEP-1669). */
export function targetsOf(
  service: Service,
  port: ServicePort,
  slices: readonly EndpointSlice[],
  nodeName: string,
): Targets {
  const candidates = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    for (const candidate of candidatesOf(service, port, slice, nodeName)) {
      candidates.set(`${candidate.ip}:${candidate.port}`, candidate);
    }
  }
  const all = [...candidates.values()].toSorted((a, b) => compare(a.ip, b.ip) || a.port - b.port);
  return { cluster: serving(all), local: serving(all.filter((candidate) => candidate.isLocal)) };
}

function candidatesOf(
  service: Service,
  port: ServicePort,
  slice: EndpointSlice,
  nodeName: string,
): readonly Candidate[] {
  const protocol = port.protocol ?? "TCP";
  const targets = (slice.ports ?? []).filter(
    (p) => (p.name ?? "") === (port.name ?? "") && (p.protocol ?? "TCP") === protocol && p.port !== undefined,
  );
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const isReady = service.spec?.publishNotReadyAddresses === true || endpoint.conditions?.ready !== false;
    const isServing = endpoint.conditions?.serving ?? isReady;
    const isLocal = endpoint.nodeName === nodeName;
    // kube-proxy uses the first address alone: the API calls all of an endpoint's addresses fungible
    const ip = endpoint.addresses[0];
    return ip === undefined ? [] : targets.map((p) => ({ ip, port: p.port!, isLocal, isReady, isServing }));
  });
}

function serving(candidates: readonly Candidate[]): readonly Target[] {
  const ready = candidates.filter((candidate) => candidate.isReady);
  const chosen = ready.length > 0 ? ready : candidates.filter((candidate) => candidate.isServing);
  return chosen.map(({ ip, port, isLocal }) => ({ ip, port, isLocal }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
