/** Services of a pod network in words, for system tests: who stands behind them, and where they are reached. @module */
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointConditions, EndpointHints, EndpointSlice } from "#api/discovery/v1/types.gen";
import { plan, type ServicePlan } from "../plan.ts";
import type { PodNetworkPlan } from "./pod-network.ts";

export const NODE = "n1";
export const ZONE = "z1";
export const NODE_PORT = 30_080;
export const LOCAL = { externalTrafficPolicy: "Local" } as const;

export interface Behind {
  /** `node`: of its own network. */
  readonly pod: "near" | "client" | "far" | "node";
  /** Default: 8080. */
  readonly port?: number;
  readonly conditions?: EndpointConditions;
  readonly hints?: EndpointHints;
}

export type Serving = Partial<ServiceSpec> & { readonly ipMode?: string };

/** By every address that a service may have, on port 80. */
export function servedBy(
  network: PodNetworkPlan,
  behind: readonly Behind[],
  serving: Serving = {},
): ServicePlan {
  const [service, ...slices] = objectsOf(network, behind, serving);
  const { family, nodeIP } = network;
  return plan(service, slices, { family, nodeName: NODE, zone: ZONE, nodeIPs: [nodeIP] });
}

/** The service and its slices, one for each port. */
export function objectsOf(
  network: PodNetworkPlan,
  behind: readonly Behind[],
  { ipMode = "VIP", ...spec }: Serving = {},
): readonly [Service, ...EndpointSlice[]] {
  const { family, clusterIP, externalIP, balancerIP, proxyIP } = network;
  const protocol = spec.ports?.[0]?.protocol ?? "TCP";
  const ports = [...new Set(behind.map(({ port = 8080 }) => port))];
  const labels = { "kubernetes.io/service-name": "web" };
  const slices = ports.map((port): EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `web-${port}`, namespace: "default", labels },
    addressType: family,
    ports: [{ port, protocol }],
    endpoints: behind.filter((one) => (one.port ?? 8080) === port).map((one) => endpointOf(network, one)),
  }));
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: {
      type: "LoadBalancer",
      clusterIP,
      externalIPs: [externalIP],
      ports: [{ port: 80, protocol, nodePort: NODE_PORT }],
      ...spec,
    },
    status: { loadBalancer: { ingress: [{ ip: ipMode === "VIP" ? balancerIP : proxyIP, ipMode }] } },
  };
  return [service, ...slices];
}

function endpointOf(network: PodNetworkPlan, { pod, conditions, hints }: Behind): Endpoint {
  return {
    addresses: [pod === "node" ? network.nodeIP : network[pod]],
    nodeName: pod === "far" ? "n2" : NODE,
    ...(conditions !== undefined && { conditions }),
    ...(hints !== undefined && { hints }),
  };
}
