/** The decision of the EndpointSlice controller, without clock, cache or network. @module */
import { Services } from "#api/core/v1/service";
import type { Node, Pod, Service } from "#api/core/v1/types.gen";
import { SERVICE_NAME_LABEL } from "#api/discovery/v1/service-keys";
import type { Endpoint, EndpointPort, EndpointSlice } from "#api/discovery/v1/types.gen";
import { newControllerRef } from "../controller-ref-manager.ts";
import { isPodReady, podIPs } from "#api/core/v1/pod-state";
import {
  HEADLESS_LABEL,
  hostnameOf,
  isEndpoint,
  isFamily,
  isHeadless,
  targetPortOf,
} from "../service-pods.ts";
import { canonicalJSON } from "../template-hash.ts";
import type { EndpointGroup, SliceChanges, SliceTemplate } from "./merge.ts";
import { planSlices } from "./merge.ts";
import type { TopologyResult } from "./topology-cache.ts";
import { addHints, withoutHints } from "./topology-hints.ts";
import { hintClose, isTopologyModeAuto, trafficDistributionOf } from "./traffic-distribution.ts";

export const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
export const CONTROLLER_NAME = "endpointslice-controller.k8s.io";
export const ENDPOINTS_PER_SLICE = 100;

const ZONE_LABEL = "topology.kubernetes.io/zone";

export interface Observed {
  readonly pods: readonly Pod[];
  readonly nodeOf: (name: string) => Node | undefined;
  /** The slices of the service that this controller manages. */
  readonly slices: readonly EndpointSlice[];
  readonly endpointsMax: number;
  /** Parts of the cluster's processors by zone; see `zoneRatios`. */
  readonly ratios?: ReadonlyMap<string, number> | undefined;
}

export interface Plan extends SliceChanges {
  /** Pods left out because their node is not known yet. */
  readonly withoutNode: readonly Pod[];
  /** By address type. */
  readonly topology: readonly TopologyResult[];
}

export function plan(service: Service, { pods, nodeOf, slices, endpointsMax, ratios }: Observed): Plan {
  const groups = new Map<
    string,
    { addressType: string; ports: readonly EndpointPort[]; endpoints: Endpoint[] }
  >();
  const withoutNode = new Set<Pod>();
  const families = addressTypesOf(service);
  for (const pod of pods) {
    if (!isEndpoint(pod, true)) continue;
    const nodeName = pod.spec?.nodeName ?? "";
    const node = nodeName === "" ? undefined : nodeOf(nodeName);
    if (nodeName !== "" && node === undefined && service.spec?.publishNotReadyAddresses !== true) {
      withoutNode.add(pod);
      continue;
    }
    const ports = portsOf(service, pod);
    for (const addressType of families) {
      const addresses = podIPs(pod).filter((ip) => isFamily(ip, addressType));
      if (addresses.length === 0) continue;
      const key = `${addressType}|${canonicalJSON(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(newEndpoint(service, pod, node, addresses));
    }
  }
  const all = [...groups.values()];
  const empty = families.filter((addressType) => !all.some((group) => group.addressType === addressType));
  const placeholders: EndpointGroup[] = empty.map((addressType) => ({
    addressType,
    ports: [],
    endpoints: [],
  }));
  // A service of this name that is gone may have left its slices behind.
  const owned = slices.filter((slice) => isOwnedBy(slice, service));
  const changes = planSlices(owned, [...all, ...placeholders], newTemplate(service), endpointsMax);
  const others = slices.filter((slice) => !owned.includes(slice));
  const remove = [...changes.remove, ...others];
  return { ...planHints(service, owned, changes, ratios), remove, withoutNode: [...withoutNode] };
}

function isOwnedBy({ metadata }: EndpointSlice, service: Service): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ apiVersion, kind, uid }) => apiVersion === "v1" && kind === "Service" && uid === service.metadata.uid,
  );
}

/** A service from before dual stack says its family by its address only. */
function addressTypesOf(service: Service): readonly string[] {
  const families = service.spec?.ipFamilies ?? [];
  if (families.length > 0) return families;
  return [(service.spec?.clusterIP ?? "").includes(":") ? "IPv6" : "IPv4"];
}

/** A pod that lacks a named port is an endpoint of the other ports only. */
function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

function newEndpoint(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  addresses: readonly string[],
): Endpoint {
  const { name, namespace, uid } = pod.metadata;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameOf(pod, service);
  const nodeName = pod.spec?.nodeName;
  const zone = node?.metadata.labels?.[ZONE_LABEL];
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    targetRef: { kind: "Pod", namespace: namespace!, name, ...(uid !== undefined && { uid }) },
    ...(nodeName !== undefined && nodeName !== "" && { nodeName }),
    ...(zone !== undefined && { zone }),
  };
}

/** Adds the hints that the service asks for, or takes those away that it does not; by address type, as upstream. */
function planHints(
  service: Service,
  existing: readonly EndpointSlice[],
  { create, update, remove }: SliceChanges,
  ratios: ReadonlyMap<string, number> | undefined,
): Pick<Plan, "create" | "update" | "topology"> {
  const touched = new Set([...update, ...remove].map(({ metadata }) => metadata.name));
  const unchanged = existing.filter(({ metadata }) => !touched.has(metadata.name));
  const isAuto = isTopologyModeAuto(service);
  const distribution = trafficDistributionOf(service);
  const hinted = addressTypesOf(service).map((addressType) => {
    const ofType = (slices: readonly EndpointSlice[]): readonly EndpointSlice[] =>
      slices.filter((slice) => slice.addressType === addressType);
    const set = { create: ofType(create), update: ofType(update), unchanged: ofType(unchanged) };
    if (isAuto) return { addressType, ...addHints(set, ratios) };
    const slices = distribution === "" ? withoutHints(set) : hintClose(distribution, set);
    return { addressType, slices };
  });
  return {
    create: hinted.flatMap(({ slices }) => slices.create),
    update: hinted.flatMap(({ slices }) => slices.update),
    topology: hinted.map(({ slices: _slices, ...result }) => ({ ...result, isAuto })),
  };
}

function newTemplate(service: Service): SliceTemplate {
  const { [HEADLESS_LABEL]: _, ...own } = service.metadata.labels ?? {};
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "",
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace!,
      labels: {
        ...own,
        ...(isHeadless(service) && { [HEADLESS_LABEL]: "" }),
        [SERVICE_NAME_LABEL]: service.metadata.name,
        [MANAGED_BY_LABEL]: CONTROLLER_NAME,
      },
      ownerReferences: [newControllerRef(service, Services)],
    },
  };
}
