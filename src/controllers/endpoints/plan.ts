/** The decision of the Endpoints controller, without clock, cache or network. @module */
import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSubset,
  Pod,
  Service,
} from "#api/core/v1/types.gen";
import { isPodReady, podIPs } from "#api/core/v1/pod-state";
import {
  HEADLESS_LABEL,
  hostnameOf,
  isEndpoint,
  isFamily,
  isHeadless,
  targetPortOf,
} from "../service-pods.ts";
import { TRIGGER_TIME_ANNOTATION, withTriggerTime } from "../endpointslice/trigger-times.ts";
import { equalJSON } from "../template-hash.ts";
import { repackSubsets, truncate } from "./subsets.ts";

export const MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by";
const OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity";

/** The Endpoints to write; undefined: `current` is right. Without a `current` one they are to be created. */
export function plan(
  service: Service,
  pods: readonly Pod[],
  current: Endpoints | undefined,
  triggerMs?: number,
): Endpoints | undefined {
  const { subsets, isTruncated } = truncate(subsetsOf(service, pods));
  const { [OVER_CAPACITY]: _, ...annotations } = current?.metadata.annotations ?? {};
  const { name, namespace } = service.metadata;
  const next: Endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...(current?.metadata ?? { name, namespace: namespace! }),
      labels: labelsOf(service),
      annotations: isTruncated ? { ...annotations, [OVER_CAPACITY]: "truncated" } : annotations,
    },
    ...(subsets.length > 0 && { subsets }),
  };
  return current !== undefined && isSame(current, next) ? undefined : withTriggerTime(next, triggerMs);
}

function isSame(a: Endpoints, b: Endpoints): boolean {
  return equalJSON(visibleOf(a), visibleOf(b));
}

function visibleOf({ metadata, subsets = [] }: Endpoints): unknown {
  const { [TRIGGER_TIME_ANNOTATION]: _, ...annotations } = metadata.annotations ?? {};
  return [metadata.labels ?? {}, annotations, subsets];
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  const { [HEADLESS_LABEL]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(isHeadless(service) && { [HEADLESS_LABEL]: "" }),
    [MANAGED_BY_LABEL]: "endpoint-controller",
  };
}

function subsetsOf(service: Service, pods: readonly Pod[]): readonly EndpointSubset[] {
  const publishNotReady = service.spec?.publishNotReadyAddresses === true;
  const family =
    service.spec?.ipFamilies?.[0] ?? ((service.spec?.clusterIP ?? "").includes(":") ? "IPv6" : "IPv4");
  const subsets: EndpointSubset[] = [];
  for (const pod of pods) {
    if (!isEndpoint(pod, publishNotReady)) continue;
    const ip = podIPs(pod).find((candidate) => isFamily(candidate, family));
    if (ip === undefined) continue;
    const address = addressOf(service, pod, ip);
    const place = publishNotReady || isPodReady(pod) ? "addresses" : "notReadyAddresses";
    for (const ports of portsOf(service, pod))
      subsets.push({ [place]: [address], ...(ports.length > 0 && { ports }) });
  }
  return repackSubsets(subsets);
}

/** One list per service port; a headless service may have none, and then every pod is an endpoint without ports. */
function portsOf(service: Service, pod: Pod): readonly (readonly EndpointPort[])[] {
  const ports = service.spec?.ports ?? [];
  if (ports.length === 0) return service.spec?.clusterIP === "None" ? [[]] : [];
  return ports.flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [
      [{ ...(name !== "" && { name }), port, protocol, ...(appProtocol !== undefined && { appProtocol }) }],
    ];
  });
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const { name, namespace, uid } = pod.metadata;
  const hostname = hostnameOf(pod, service);
  const nodeName = pod.spec?.nodeName;
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    targetRef: { kind: "Pod", namespace: namespace!, name, ...(uid !== undefined && { uid }) },
  };
}
