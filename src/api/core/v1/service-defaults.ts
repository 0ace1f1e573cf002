/** Defaults of services that depend on other fields. Addresses, families and node ports are the allocators' to choose. @module */
import type { Service, ServicePort, ServiceSpec } from "./types.gen.ts";

const AFFINITY_TIMEOUT_SECONDS = 10_800;

export function defaultService(service: Service): Service {
  if (service.spec === undefined) return service;
  return { ...service, spec: defaultSpec(service.spec), ...withIpMode(service) };
}

function defaultSpec(spec: ServiceSpec): ServiceSpec {
  const type = spec.type || "ClusterIP";
  const { sessionAffinityConfig: given, ...rest } = spec;
  const sessionAffinity = spec.sessionAffinity || "None";
  const config = affinityConfig(sessionAffinity, given);
  const external = isExternallyAccessible(type, spec);
  return {
    ...rest,
    type,
    sessionAffinity,
    ...(config !== undefined && { sessionAffinityConfig: config }),
    ...(spec.ports !== undefined && { ports: spec.ports.map(defaultPort) }),
    ...(external && { externalTrafficPolicy: spec.externalTrafficPolicy || "Cluster" }),
    ...(type !== "ExternalName" && { internalTrafficPolicy: spec.internalTrafficPolicy ?? "Cluster" }),
    ...(type === "LoadBalancer" && {
      allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true,
    }),
  };
}

function defaultPort(port: ServicePort): ServicePort {
  const target = port.targetPort;
  const hasTarget = target !== undefined && target !== 0 && target !== "";
  return { ...port, protocol: port.protocol || "TCP", targetPort: hasTarget ? target : port.port };
}

function affinityConfig(
  affinity: string,
  given: ServiceSpec["sessionAffinityConfig"],
): ServiceSpec["sessionAffinityConfig"] {
  if (affinity === "None") return undefined;
  if (affinity !== "ClientIP" || given?.clientIP?.timeoutSeconds !== undefined) return given;
  return { clientIP: { timeoutSeconds: AFFINITY_TIMEOUT_SECONDS } };
}

/** Traffic may come from outside: node ports, a load balancer, or external addresses. */
export function isExternallyAccessible(type: string, spec: ServiceSpec): boolean {
  if (type === "LoadBalancer" || type === "NodePort") return true;
  return type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0;
}

function withIpMode({ spec, status }: Service): Pick<Service, "status"> {
  const ingress = status?.loadBalancer?.ingress;
  if (spec?.type !== "LoadBalancer" || ingress === undefined) return {};
  const filled = ingress.map((i) => (i.ip && i.ipMode === undefined ? { ...i, ipMode: "VIP" } : i));
  return { status: { ...status, loadBalancer: { ...status!.loadBalancer, ingress: filled } } };
}
