/**
 * Hints for the annotation `service.kubernetes.io/topology-mode: Auto`: every zone gets as large a part of a service's
 * endpoints as it has of the cluster's processors, its own first (KEP-2433). Pure.
 * @module
 */
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";

/** By how much an endpoint may carry more than its share. */
const OVERLOAD_THRESHOLD = 0.2;
const SHARE_MIN = 1 / (1 + OVERLOAD_THRESHOLD);
/** Less than this is not worth moving an endpoint. */
const HALF = 0.5;

/** Slices of one service and address type. */
export interface SliceSet {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly unchanged: readonly EndpointSlice[];
}

export type ZoneCounts = ReadonlyMap<string, number>;

export interface HintedSlices {
  readonly slices: SliceSet;
  /** Endpoints that each zone was given; absent when there are no hints. */
  readonly byZone?: ZoneCounts;
  /** Why there are none. */
  readonly problem?: string;
}

interface Allocation {
  readonly maximum: number;
  readonly desired: number;
}

/** Slices that hint well enough stay as they are. */
export function addHints(slices: SliceSet, ratios: ReadonlyMap<string, number> | undefined): HintedSlices {
  const all = [...slices.create, ...slices.update, ...slices.unchanged];
  const allocations = allocate(ratios, all.flatMap(endpointsOf).filter(isReady).length);
  if (typeof allocations === "string") return { slices: withoutHints(slices), problem: allocations };
  const byZone = new Map<string, number>();
  const { kept, stale } = keepGoodOnes(slices.unchanged, allocations, byZone);
  const update = [...slices.update, ...stale];
  const changing = [...slices.create, ...update].flatMap(endpointsOf).filter(isReady);
  if (changing.some(({ zone = "" }) => zone === ""))
    return { slices: withoutHints(slices), problem: "One or more endpoints do not have a zone specified" };
  for (const { zone } of changing) count(byZone, zone!, 1);
  const zones = redistribute(changing, exchange(allocations, byZone), byZone);
  if (byZone.size === 0) return { slices: withoutHints(slices), problem: "No hints allocated for zones" };
  const hint = (slice: EndpointSlice): EndpointSlice =>
    withHints(slice, (endpoint) => {
      const zone = zones.get(endpoint);
      return zone === undefined ? undefined : { forZones: [{ name: zone }] };
    });
  return {
    slices: { create: slices.create.map(hint), update: update.map(hint), unchanged: kept },
    byZone,
  };
}

/** Unchanged slices that have hints are to be updated. */
export function withoutHints({ create, update, unchanged }: SliceSet): SliceSet {
  const hinted = unchanged.filter((slice) => endpointsOf(slice).some(({ hints }) => hints !== undefined));
  return {
    create: create.map(strip),
    update: [...update, ...hinted].map(strip),
    unchanged: unchanged.filter((slice) => !hinted.includes(slice)),
  };
}

function strip(slice: EndpointSlice): EndpointSlice {
  return withHints(slice, () => undefined);
}

export function withHints(
  slice: EndpointSlice,
  hintsOf: (endpoint: Endpoint) => Endpoint["hints"] | undefined,
): EndpointSlice {
  const endpoints = endpointsOf(slice).map((endpoint) => {
    const { hints: _, ...bare } = endpoint;
    const hints = hintsOf(endpoint);
    return hints === undefined ? bare : { ...bare, hints };
  });
  return { ...slice, endpoints };
}

/** Whether a zone has too few of the endpoints by now, because nodes came or went. */
export function isOverloaded(byZone: ZoneCounts, ratios: ReadonlyMap<string, number> | undefined): boolean {
  if (byZone.size === 0) return false;
  if (ratios === undefined) return true;
  const total = [...byZone.values()].reduce((sum, number) => sum + number, 0);
  return [...ratios].some(
    ([zone, ratio]) => !byZone.has(zone) || byZone.get(zone)! < Math.ceil(total * ratio * SHARE_MIN),
  );
}

export function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true;
}

function endpointsOf({ endpoints }: EndpointSlice): readonly Endpoint[] {
  return endpoints ?? [];
}

/** The share of every zone, or why there can be none. */
function allocate(
  ratios: ReadonlyMap<string, number> | undefined,
  endpoints: number,
): ReadonlyMap<string, Allocation> | string {
  if (ratios === undefined)
    return "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
  const counts = `(${endpoints} endpoints, ${ratios.size} zones)`;
  if (ratios.size > endpoints) return `Insufficient number of endpoints ${counts}`;
  const shares = [...ratios].map(([zone, ratio]) => {
    const minimum = Math.ceil(ratio * endpoints * SHARE_MIN);
    return { zone, minimum, desired: Math.max(ratio * endpoints, minimum) };
  });
  const spare = endpoints - shares.reduce((sum, { minimum }) => sum + minimum, 0);
  if (spare < 0)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${counts}`;
  return new Map(shares.map(({ zone, minimum, desired }) => [zone, { maximum: minimum + spare, desired }]));
}

/** Adds what is hinted by those that stay to `byZone`. */
function keepGoodOnes(
  unchanged: readonly EndpointSlice[],
  allocations: ReadonlyMap<string, Allocation>,
  byZone: Map<string, number>,
): { readonly kept: readonly EndpointSlice[]; readonly stale: readonly EndpointSlice[] } {
  const kept: EndpointSlice[] = [];
  const stale: EndpointSlice[] = [];
  for (const slice of unchanged) {
    const zones = endpointsOf(slice)
      .filter(isReady)
      .map(({ hints }) => (hints?.forZones ?? []).map(({ name }) => name));
    const counts = new Map<string, number>();
    for (const zone of zones.flat()) count(counts, zone, 1);
    const isGood =
      zones.every((names) => names.length > 0) &&
      [...counts].every(
        ([zone, number]) =>
          allocations.has(zone) && number + (byZone.get(zone) ?? 0) <= allocations.get(zone)!.maximum,
      );
    (isGood ? kept : stale).push(slice);
    if (isGood) for (const [zone, number] of counts) count(byZone, zone, number);
  }
  return { kept, stale };
}

interface Exchange {
  readonly giving: Map<string, number>;
  readonly receiving: Map<string, number>;
}

/** How many endpoints zones with too many give, and others get. */
function exchange(allocations: ReadonlyMap<string, Allocation>, byZone: ZoneCounts): Exchange {
  const surplus = new Map<string, number>();
  const deficit = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const difference = (byZone.get(zone) ?? 0) - desired;
    if (difference > 0) surplus.set(zone, difference);
    if (difference < 0) deficit.set(zone, -difference);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const [giver, canGive] = most(surplus);
    const [receiver, needs] = most(deficit);
    if (giver === "" || receiver === "" || (canGive < 1 && needs < 1) || canGive < HALF || needs < HALF)
      return { giving, receiving };
    count(giving, giver, 1);
    count(surplus, giver, -1);
    count(receiving, receiver, 1);
    count(deficit, receiver, -1);
  }
}

/** The zone of every endpoint; those that move are counted in `byZone`. */
function redistribute(
  endpoints: readonly Endpoint[],
  { giving, receiving }: Exchange,
  byZone: Map<string, number>,
): ReadonlyMap<Endpoint, string> {
  return new Map(
    endpoints.map((endpoint) => {
      const zone = endpoint.zone!;
      const [receiver] = [...receiving].find(([, number]) => number > 0) ?? [];
      if (receiver === undefined || (giving.get(zone) ?? 0) === 0) return [endpoint, zone];
      count(giving, zone, -1);
      count(receiving, receiver, -1);
      count(byZone, zone, -1);
      count(byZone, receiver, 1);
      return [endpoint, receiver];
    }),
  );
}

function most(zones: ReadonlyMap<string, number>): readonly [zone: string, number: number] {
  let best: readonly [string, number] = ["", 0];
  for (const entry of zones) if (entry[1] > best[1]) best = entry;
  return best;
}

function count(counts: Map<string, number>, zone: string, by: number): void {
  counts.set(zone, (counts.get(zone) ?? 0) + by);
}
