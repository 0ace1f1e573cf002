/** The decision of the EndpointSlice mirroring controller, without clock, cache or network. @module */
import { Endpoints as EndpointsKind } from "#api/core/v1/endpoints";
import type { EndpointAddress, Endpoints, EndpointSubset, Service } from "#api/core/v1/types.gen";
import { SERVICE_NAME_LABEL } from "#api/discovery/v1/service-keys";
import type { Endpoint, EndpointPort, EndpointSlice } from "#api/discovery/v1/types.gen";
import { newControllerRef } from "../controller-ref-manager.ts";
import type { SliceChanges, SliceTemplate } from "../endpointslice/merge.ts";
import { planSlices } from "../endpointslice/merge.ts";
import { MANAGED_BY_LABEL } from "../endpointslice/plan.ts";
import { canonicalJSON } from "../template-hash.ts";
import { isFamily } from "../service-pods.ts";

export const CONTROLLER_NAME = "endpointslicemirroring-controller.k8s.io";
/** Addresses of one subset that are mirrored. */
export const ADDRESSES_PER_SUBSET_MAX = 1000;

const SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror";
const LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader";
const NOT_COPIED: ReadonlySet<string> = new Set([
  "endpoints.kubernetes.io/last-change-trigger-time",
  "kubectl.kubernetes.io/last-applied-configuration",
]);

/** Endpoints that somebody else maintains for a service without a selector. */
export function isMirrored(endpoints: Endpoints | undefined, service: Service | undefined): boolean {
  if (endpoints === undefined || service === undefined || service.spec?.selector !== undefined) return false;
  const { labels = {}, annotations = {} } = endpoints.metadata;
  return labels[SKIP_LABEL] !== "true" && annotations[LEADER_ANNOTATION] === undefined;
}

/** `slices` are those of the service that this controller manages. */
export function plan(endpoints: Endpoints, slices: readonly EndpointSlice[]): SliceChanges {
  const groups = new Map<
    string,
    { addressType: string; ports: readonly EndpointPort[]; endpoints: Endpoint[] }
  >();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map((port) => ({ name: "", protocol: "TCP", ...port }));
    for (const [address, ready] of addressesOf(subset)) {
      const addressType = isFamily(address.ip, "IPv6") ? "IPv6" : "IPv4";
      const key = `${addressType}|${canonicalJSON(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(newEndpoint(address, ready));
    }
  }
  return planSlices(slices, [...groups.values()], newTemplate(endpoints), ADDRESSES_PER_SUBSET_MAX);
}

/** Addresses of subsets that have more than are mirrored. */
export function skippedAddresses({ subsets = [] }: Endpoints): number {
  const sizes = subsets.map(
    ({ addresses = [], notReadyAddresses = [] }) => addresses.length + notReadyAddresses.length,
  );
  return sizes.reduce((sum, size) => sum + Math.max(size - ADDRESSES_PER_SUBSET_MAX, 0), 0);
}

function addressesOf({
  addresses = [],
  notReadyAddresses = [],
}: EndpointSubset): readonly (readonly [EndpointAddress, boolean])[] {
  const ready = addresses.map((address) => [address, true] as const);
  return [...ready, ...notReadyAddresses.map((address) => [address, false] as const)].slice(
    0,
    ADDRESSES_PER_SUBSET_MAX,
  );
}

function newEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname !== undefined && hostname !== "" && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  };
}

function newTemplate(endpoints: Endpoints): SliceTemplate {
  const { name, namespace, labels, annotations = {} } = endpoints.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "",
      generateName: `${name}-`,
      namespace: namespace!,
      labels: { ...labels, [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: CONTROLLER_NAME },
      annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !NOT_COPIED.has(key))),
      ownerReferences: [newControllerRef(endpoints, EndpointsKind)],
    },
  };
}
