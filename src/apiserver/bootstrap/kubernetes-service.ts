/** The `kubernetes` Service in the namespace default, by which pods reach this server, with its endpoints. @module */
import { isIPv6 } from "node:net";
import type { KubeObject } from "#apimachinery";
import type { BootstrapObject } from "./bootstrap-objects.ts";

export interface KubernetesServiceFacts {
  /** The first address of the service range. */
  readonly clusterIP: string;
  /** Of all servers. */
  readonly addresses: readonly string[];
  readonly securePort: number;
}

const HTTPS_PORT = 443;
const NAME = "kubernetes";
const NAMESPACE = "default";

export function kubernetesService({
  clusterIP,
  securePort,
}: Pick<KubernetesServiceFacts, "clusterIP" | "securePort">): BootstrapObject {
  const object = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP,
      clusterIPs: [clusterIP],
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: HTTPS_PORT, targetPort: securePort }],
    },
  } as KubeObject;
  return { resource: "core/services", object };
}

/** Endpoints and EndpointSlice: the only service whose endpoints no controller writes. */
export function kubernetesEndpoints({
  addresses,
  securePort,
}: Pick<KubernetesServiceFacts, "addresses" | "securePort">): readonly BootstrapObject[] {
  const ports = [{ name: "https", port: securePort, protocol: "TCP" }];
  const endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { "endpointslice.kubernetes.io/skip-mirror": "true" },
    },
    ...(addresses.length > 0 && { subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports }] }),
  } as KubeObject;
  const addressType = addresses.length > 0 && addresses.every((ip) => isIPv6(ip)) ? "IPv6" : "IPv4";
  const shown = addresses.filter((ip) => isIPv6(ip) === (addressType === "IPv6"));
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: NAME, namespace: NAMESPACE, labels: { "kubernetes.io/service-name": NAME } },
    addressType,
    endpoints: shown.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports,
  } as KubeObject;
  return [
    { resource: "core/endpoints", object: endpoints },
    { resource: "discovery.k8s.io/endpointslices", object: slice },
  ];
}
