/** Carries over what the allocators chose, and drops what a change of type makes meaningless. @module */
import type { Strategy } from "#apimachinery";
import { isExternallyAccessible } from "./service-defaults.ts";
import { warningsForService } from "./service-warnings.ts";
import type { Service, ServicePort, ServiceSpec } from "./types.gen.ts";

export const serviceStrategy: Strategy<Service> = {
  allowCreateOnUpdate: true,
  warnings: warningsForService,
  prepareForCreate(service) {
    const { spec } = service;
    // Old clients know one address only.
    if (!spec?.clusterIP || (spec.clusterIPs?.length ?? 0) > 0) return service;
    return { ...service, spec: { ...spec, clusterIPs: [spec.clusterIP] } };
  },
  prepareForUpdate(service, old) {
    if (service.spec === undefined || old.spec === undefined) return service;
    const patched = normalizeClusterIps(keepAllocated(service.spec, old.spec), old.spec);
    const spec = dropTypeDependent(patched, old.spec);
    return withoutForeignStatus({ ...service, spec });
  },
};

/** Only load balancers have a status of theirs. */
function withoutForeignStatus(service: Service): Service {
  if (service.spec?.type === "LoadBalancer" || service.status?.loadBalancer?.ingress === undefined)
    return service;
  return { ...service, status: { ...service.status, loadBalancer: {} } };
}

/** A client that knows only `clusterIP` means both when it clears or changes it. */
function normalizeClusterIps(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const sameList = sameStrings(spec.clusterIPs, old.clusterIPs);
  if (old.clusterIP && !spec.clusterIP && sameList) return without(spec, ["clusterIP", "clusterIPs"]);
  if (spec.clusterIP && spec.clusterIP !== old.clusterIP && sameList) {
    return { ...spec, clusterIPs: [spec.clusterIP] };
  }
  return spec;
}

function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let out = spec;
  if (needsClusterIp(old) && needsClusterIp(spec)) {
    if (!out.clusterIP && old.clusterIP) out = { ...out, clusterIP: old.clusterIP };
    if ((out.clusterIPs?.length ?? 0) === 0 && old.clusterIPs !== undefined)
      out = { ...out, clusterIPs: old.clusterIPs };
  }
  if (needsNodePort(old) && needsNodePort(spec))
    out = { ...out, ports: keepNodePorts(out.ports ?? [], old.ports ?? []) };
  if (
    needsHealthCheck(old) &&
    needsHealthCheck(spec) &&
    !out.healthCheckNodePort &&
    old.healthCheckNodePort
  ) {
    out = { ...out, healthCheckNodePort: old.healthCheckNodePort };
  }
  return out;
}

/** By name of the port, unless another port took the number. */
function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): readonly ServicePort[] {
  const used = nodePortsOf(old).intersection(nodePortsOf(ports));
  const byName = new Map(old.map((port) => [port.name ?? "", port.nodePort ?? 0]));
  return ports.map((port) => {
    const known = byName.get(port.name ?? "") ?? 0;
    if (port.nodePort || known === 0 || used.has(known)) return port;
    used.add(known);
    return { ...port, nodePort: known };
  });
}

const nodePortsOf = (list: readonly ServicePort[]): Set<number> =>
  new Set(list.flatMap((p) => (p.nodePort ? [p.nodePort] : [])));

function dropTypeDependent(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let out = spec;
  if (needsClusterIp(old) && !needsClusterIp(spec) && sameStrings(spec.clusterIPs, old.clusterIPs)) {
    out = without(out, ["clusterIP", "clusterIPs"]);
  }
  if (needsClusterIp(old) && !needsClusterIp(spec)) {
    if (sameStrings(spec.ipFamilies, old.ipFamilies)) out = without(out, ["ipFamilies"]);
    if (spec.ipFamilyPolicy === old.ipFamilyPolicy) out = without(out, ["ipFamilyPolicy"]);
  }
  if (mayHaveNodePorts(old) && !mayHaveNodePorts(spec) && nodePortSet(spec).isSubsetOf(nodePortSet(old))) {
    out = { ...out, ports: (out.ports ?? []).map(({ nodePort: _nodePort, ...port }) => port) };
  }
  const dropped: (keyof ServiceSpec)[] = [];
  const stale = (field: keyof ServiceSpec, needs: (s: ServiceSpec) => boolean): void => {
    if (needs(old) && !needs(spec) && spec[field] === old[field]) dropped.push(field);
  };
  stale("healthCheckNodePort", needsHealthCheck);
  stale("allocateLoadBalancerNodePorts", isLoadBalancer);
  stale("loadBalancerClass", isLoadBalancer);
  stale("externalTrafficPolicy", (s) => isExternallyAccessible(s.type ?? "", s));
  return dropped.length === 0 ? out : without(out, dropped);
}

const isLoadBalancer = (spec: ServiceSpec): boolean => spec.type === "LoadBalancer";

export function needsClusterIp({ type }: ServiceSpec): boolean {
  return type === "ClusterIP" || type === "NodePort" || type === "LoadBalancer";
}

export function needsNodePort(spec: ServiceSpec): boolean {
  if (spec.type === "NodePort") return true;
  return isLoadBalancer(spec) && spec.allocateLoadBalancerNodePorts !== false;
}

export function needsHealthCheck(spec: ServiceSpec): boolean {
  return isLoadBalancer(spec) && spec.externalTrafficPolicy === "Local";
}

function sameStrings(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

const mayHaveNodePorts = ({ type }: ServiceSpec): boolean => type === "NodePort" || type === "LoadBalancer";

const nodePortSet = (spec: ServiceSpec): Set<number> => nodePortsOf(spec.ports ?? []);

function without(spec: ServiceSpec, fields: readonly (keyof ServiceSpec)[]): ServiceSpec {
  return Object.fromEntries(
    Object.entries(spec).filter(([key]) => !fields.includes(key as keyof ServiceSpec)),
  );
}
