/** Bringing a set of EndpointSlices to a set of endpoints with few changes. @module */
import type { Endpoint, EndpointPort, EndpointSlice } from "#api/discovery/v1/types.gen";
import { canonicalJSON, equalJSON } from "../template-hash.ts";

/** Endpoints that share their ports, and so their slices. */
export interface EndpointGroup {
  readonly addressType: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceChanges {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** What is the same in all slices of a service: everything but address type, ports and endpoints. */
export type SliceTemplate = Pick<EndpointSlice, "apiVersion" | "kind" | "metadata">;

/**
 * Changes that make `existing` slices hold exactly `groups`. Endpoints stay in the slice they are in; new ones go to
 * slices that change anyway, then to the fullest one that has room for all that is left, then to new ones. A slice
 * that goes and one that comes are one update.
 */
export function planSlices(
  existing: readonly EndpointSlice[],
  groups: readonly EndpointGroup[],
  template: SliceTemplate,
  endpointsMax: number,
): SliceChanges {
  const byGroup = Map.groupBy(existing, groupKey);
  const changes = groups.map((group) => {
    const key = groupKey(group);
    const slices = byGroup.get(key) ?? [];
    byGroup.delete(key);
    return planGroup(slices, group, template, endpointsMax);
  });
  const create = changes.flatMap((change) => change.create);
  const update = changes.flatMap((change) => change.update);
  const remove = [...changes.flatMap((change) => change.remove), ...[...byGroup.values()].flat()];
  return reuse({ create, update, remove });
}

function planGroup(
  existing: readonly EndpointSlice[],
  group: EndpointGroup,
  template: SliceTemplate,
  endpointsMax: number,
): SliceChanges {
  const wanted = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const unchanged: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  for (const slice of existing) {
    const kept = takeOver(slice, wanted);
    if (kept.length === 0 && group.endpoints.length > 0) {
      remove.push(slice);
    } else if (
      isSameList(kept, slice.endpoints ?? []) &&
      equalJSON(slice.metadata.labels, template.metadata.labels)
    ) {
      unchanged.push(slice);
    } else update.push(withEndpoints(slice, kept, template));
  }
  // A service without endpoints keeps one empty slice, no more.
  if (group.endpoints.length === 0)
    remove.push(...unchanged.splice(update.length > 0 ? 0 : 1), ...update.splice(1));

  const rest = [...wanted.values()];
  update.sort((a, b) => sizeOf(b) - sizeOf(a));
  for (const [i, slice] of update.entries()) update[i] = fill(slice, rest, endpointsMax);
  const create: EndpointSlice[] = [];
  while (rest.length > 0) {
    const open =
      rest.length < endpointsMax ? fullestWithRoom(unchanged, rest.length, endpointsMax) : undefined;
    if (open !== undefined) {
      unchanged.splice(unchanged.indexOf(open), 1);
      update.push(fill(open, rest, endpointsMax));
    } else create.push(fill(newSlice(group, template), rest, endpointsMax));
  }
  const isEmpty = existing.length - remove.length === 0 && create.length === 0;
  return { create: isEmpty ? [newSlice(group, template)] : create, update, remove };
}

/** The wanted endpoints that are in this slice, as they are wanted; they are taken out of `wanted`. */
function takeOver(slice: EndpointSlice, wanted: Map<string, Endpoint>): readonly Endpoint[] {
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const key = endpointKey(endpoint);
    const want = wanted.get(key);
    wanted.delete(key);
    return want === undefined ? [] : [want];
  });
}

function fill(slice: EndpointSlice, rest: Endpoint[], endpointsMax: number): EndpointSlice {
  const room = Math.max(endpointsMax - sizeOf(slice), 0);
  return { ...slice, endpoints: [...(slice.endpoints ?? []), ...rest.splice(0, room)] };
}

function fullestWithRoom(
  slices: readonly EndpointSlice[],
  count: number,
  endpointsMax: number,
): EndpointSlice | undefined {
  return slices
    .filter((slice) => sizeOf(slice) + count <= endpointsMax)
    .reduce<EndpointSlice | undefined>(
      (best, s) => (best === undefined || sizeOf(s) > sizeOf(best) ? s : best),
      undefined,
    );
}

function reuse({ create, update, remove }: SliceChanges): SliceChanges {
  const left = [...create];
  const updates = [...update];
  const removes = remove.filter((old) => {
    const index = left.findLastIndex(({ addressType }) => addressType === old.addressType);
    if (index < 0) return true;
    const [fresh] = left.splice(index, 1);
    const { generateName: _, ...metadata } = { ...old.metadata, labels: fresh!.metadata.labels ?? {} };
    updates.push({ ...fresh!, metadata });
    return false;
  });
  return { create: left, update: updates, remove: removes };
}

function newSlice({ addressType, ports }: EndpointGroup, template: SliceTemplate): EndpointSlice {
  return {
    ...template,
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    addressType,
    ports,
    endpoints: [],
  };
}

function withEndpoints(
  slice: EndpointSlice,
  endpoints: readonly Endpoint[],
  { metadata }: SliceTemplate,
): EndpointSlice {
  return { ...slice, metadata: { ...slice.metadata, labels: metadata.labels ?? {} }, endpoints };
}

function sizeOf(slice: EndpointSlice): number {
  return slice.endpoints?.length ?? 0;
}

/** The order of ports means nothing. */
function groupKey({ addressType, ports = [] }: Pick<EndpointSlice, "addressType" | "ports">): string {
  return `${addressType}|${ports.map(canonicalJSON).toSorted().join(",")}`;
}

function isSameList(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, i) => isSameEndpoint(endpoint, b[i]!));
}

/** Hints come later, and do not count. Field by field: this runs for every endpoint of a service at every change of one of them. */
function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  const { conditions: ca = {}, targetRef: ra } = a;
  const { conditions: cb = {}, targetRef: rb } = b;
  const isSameState = ca.ready === cb.ready && ca.serving === cb.serving && ca.terminating === cb.terminating;
  const isSamePlace = a.nodeName === b.nodeName && a.zone === b.zone && a.hostname === b.hostname;
  const isSameTarget = ra?.uid === rb?.uid && ra?.name === rb?.name && ra?.namespace === rb?.namespace;
  const isSameAddress =
    a.addresses.length === b.addresses.length && a.addresses.every((ip, i) => ip === b.addresses[i]);
  return isSameState && isSamePlace && isSameTarget && isSameAddress;
}

/** What makes two states the same endpoint. */
function endpointKey({ addresses, targetRef }: Endpoint): string {
  return `${addresses.toSorted().join(",")}|${targetRef?.namespace ?? ""}/${targetRef?.name ?? ""}`;
}
