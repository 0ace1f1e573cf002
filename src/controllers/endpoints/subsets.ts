/** The canonical form of an Endpoints' subsets, and its limit. @module */
import type { EndpointAddress, EndpointPort, EndpointSubset } from "#api/core/v1/types.gen";
import { canonicalJSON } from "../template-hash.ts";

/** Addresses in one Endpoints; services with more are complete only in their EndpointSlices. */
export const ENDPOINTS_MAX = 1000;

interface Packed {
  readonly address: EndpointAddress;
  readonly ports: Map<string, EndpointPort>;
  readonly isReady: boolean;
}

/** Every address once, together with those that have the same ports; all in a fixed order. Ready wins over not ready. */
export function repackSubsets(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  const byAddress = new Map<string, Packed>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    for (const address of addresses) pack(byAddress, address, ports, true);
    for (const address of notReadyAddresses) pack(byAddress, address, ports, false);
  }
  const byPorts = Map.groupBy(byAddress.values(), ({ ports }) => [...ports.keys()].toSorted().join(","));
  return [...byPorts]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([, packed]) => {
      const ports = [...packed[0]!.ports].toSorted(([a], [b]) => compare(a, b)).map(([, port]) => port);
      const addresses = addressesOf(packed, true);
      const notReadyAddresses = addressesOf(packed, false);
      return {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ...(ports.length > 0 && { ports }),
      };
    });
}

function pack(
  byAddress: Map<string, Packed>,
  address: EndpointAddress,
  ports: readonly EndpointPort[],
  isReady: boolean,
): void {
  const key = identity(address);
  const known = byAddress.get(key);
  const all = known?.ports ?? new Map<string, EndpointPort>();
  for (const port of ports) all.set(canonicalJSON(port), port);
  byAddress.set(key, { address, ports: all, isReady: isReady || known?.isReady === true });
}

function addressesOf(packed: readonly Packed[], ready: boolean): readonly EndpointAddress[] {
  return packed
    .filter(({ isReady }) => isReady === ready)
    .map(({ address }) => address)
    .toSorted((a, b) => compare(identity(a), identity(b)));
}

function identity({ ip, targetRef }: EndpointAddress): string {
  return `${ip}|${targetRef?.uid ?? ""}`;
}

/** Ready addresses stay first; what has to go goes from all subsets in proportion. */
export function truncate(subsets: readonly EndpointSubset[]): {
  readonly subsets: readonly EndpointSubset[];
  readonly isTruncated: boolean;
} {
  const count = (field: "addresses" | "notReadyAddresses"): number =>
    subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0);
  const ready = count("addresses");
  const notReady = count("notReadyAddresses");
  if (ready + notReady <= ENDPOINTS_MAX) return { subsets, isTruncated: false };
  const field = ready > ENDPOINTS_MAX ? "addresses" : "notReadyAddresses";
  const allowed = ready > ENDPOINTS_MAX ? ENDPOINTS_MAX : ENDPOINTS_MAX - ready;
  const total = ready > ENDPOINTS_MAX ? ready : notReady;
  let room = allowed;
  const cut = subsets.map(({ addresses = [], notReadyAddresses = [], ports }) => {
    const list = field === "addresses" ? addresses : notReadyAddresses;
    const kept = list.slice(0, Math.min(Math.ceil((list.length * allowed) / total), room));
    room -= kept.length;
    const lists =
      field === "addresses"
        ? { addresses: kept, notReadyAddresses: [] }
        : { addresses, notReadyAddresses: kept };
    return {
      ...(lists.addresses.length > 0 && { addresses: lists.addresses }),
      ...(lists.notReadyAddresses.length > 0 && { notReadyAddresses: lists.notReadyAddresses }),
      ...(ports !== undefined && { ports }),
    };
  });
  return {
    subsets: cut.filter((s) => s.addresses !== undefined || s.notReadyAddresses !== undefined),
    isTruncated: true,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
