/** Which endpoints of a Service's port get traffic, by upstream's rules of readiness, termination, topology and locality. @module */
import type { ServicePort } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { canonical } from "./addresses.ts";
import { inSteps } from "./turns.ts";

/** Such slices are for DNS alone. */
const HEADLESS_LABEL = "service.kubernetes.io/headless";

export interface Target {
  readonly ip: string;
  readonly port: number;
  /** As elements of maps name it: `ip . port`. */
  readonly text: string;
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

/** Where the traffic comes from, and of which family it is. */
export interface Place {
  readonly family: IpFamily;
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

/** Endpoints that terminate serve only when no ready one is left (KEP-1669). Yields how many it has looked at since it last did. */
export function* targetsOf(
  port: ServicePort,
  slices: readonly EndpointSlice[],
  place: Place,
): Generator<number, Targets> {
  const all = yield* candidatesOf(port, slices, place);
  const ready: Candidate[] = [];
  const ending: Candidate[] = [];
  const serving: Candidate[] = [];
  yield* inSteps(all, (one) => {
    if (one.isReady) ready.push(one);
    if (one.isServing) serving.push(one);
    if (one.isServing && one.isTerminating) ending.push(one);
  });
  const localReady = ready.filter(isHere);
  const cluster = ready.length > 0 ? closest(ready, place) : ending;
  yield ready.length;
  return {
    cluster,
    local: localReady.length > 0 ? localReady : ending.filter(isHere),
    isServed: ready.length > 0 || ending.length > 0,
    serving,
    localReady,
  };
}

function isHere({ isLocal }: Candidate): boolean {
  return isLocal;
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

function* candidatesOf(
  port: ServicePort,
  slices: readonly EndpointSlice[],
  place: Place,
): Generator<number, readonly Candidate[]> {
  const candidates = new Map<string, Candidate>();
  const key = portKey(port.name, port.protocol);
  for (const slice of slices) {
    if (slice.addressType !== place.family || isHeadless(slice)) continue;
    const addresses = addressesOf(slice).get(key) ?? [];
    for (const { ip, port: number, text, endpoint } of addresses) {
      const { conditions, hints, nodeName } = endpoint;
      const isTerminating = conditions?.terminating === true;
      // a new pod may have the address of one that is about to go, or move between slices
      if (isTerminating && candidates.has(text)) continue;
      const isReady = conditions?.ready !== false;
      const isServing = conditions?.serving !== false;
      const isLocal = nodeName === place.nodeName;
      candidates.set(text, { ip, port: number, text, isLocal, isReady, isServing, isTerminating, hints });
    }
    yield addresses.length;
  }
  return [...candidates.values()];
}

function isHeadless({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[HEADLESS_LABEL] !== undefined;
}

interface Address {
  readonly ip: string;
  readonly port: number;
  readonly text: string;
  readonly endpoint: Endpoint;
}

type AddressesByPort = ReadonlyMap<string, readonly Address[]>;

/** A service of 5,000 endpoints has fifty slices, and one of them changes at a time: the others are read once. */
const read = new WeakMap<EndpointSlice, AddressesByPort>();

/** Reads a slice that is new, so that planning need not; gives how many endpoints it read. */
export function readSlice(slice: EndpointSlice): number {
  if (read.has(slice)) return 0;
  addressesOf(slice);
  return slice.endpoints?.length ?? 0;
}

function addressesOf(slice: EndpointSlice): AddressesByPort {
  const known = read.get(slice);
  if (known !== undefined) return known;
  const byPort = new Map<string, Address[]>();
  for (const { name, protocol, port } of slice.ports ?? []) {
    if (port === undefined || port === 0) continue;
    const key = portKey(name, protocol);
    const list = byPort.get(key) ?? [];
    byPort.set(key, list);
    for (const endpoint of slice.endpoints ?? []) {
      // kube-proxy uses the first address alone: the API calls all of an endpoint's addresses fungible
      const [first] = endpoint.addresses;
      if (first === undefined) continue;
      const ip = canonical(first);
      list.push({ ip, port, text: `${ip} . ${port}`, endpoint });
    }
  }
  read.set(slice, byPort);
  return byPort;
}

function portKey(name: string | undefined, protocol: string | undefined): string {
  return `${protocol ?? "TCP"} ${name ?? ""}`;
}
