/** Rules for Services. @module */
import { field, isDns1123Subdomain, isPortNumber, isQualifiedName, validateLabels } from "#apimachinery";
import { each, NONE, obeys, oneOf, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateEndpointIp } from "../../validation/endpoint-ip.ts";
import { validatePort } from "../../validation/handlers.ts";
import { validCidrLegacy, validIpLegacy } from "../../validation/ip.ts";
import { validatePortName } from "../../validation/port-name.ts";
import { validateClusterIps } from "./service-cluster-ips.ts";
import { isExternallyAccessible } from "./service-defaults.ts";
import { needsHealthCheck } from "./service-strategy.ts";
import type { Service, ServicePort, ServiceSpec } from "./types.gen.ts";

export { validateServiceUpdate } from "./service-update-validation.ts";

const TYPES: readonly string[] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITY_SECONDS_MAX = 86_400;
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";

function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

export function validateService({ spec }: Service): Causes {
  if (spec === undefined) return [field.required("spec.ports")];
  const headless = isHeadless(spec);
  const needsPorts = (spec.ports?.length ?? 0) === 0 && !headless && spec.type !== "ExternalName";
  return [
    ...(needsPorts ? [field.required("spec.ports")] : NONE),
    ...validateTypeFields(spec, headless),
    ...validatePorts(spec),
    ...validateLabels(spec.selector, "spec.selector"),
    ...validateAffinity(spec),
    ...validateClusterIps(spec),
    ...each(spec.externalIPs, "spec.externalIPs", (ip, at) => {
      const causes = validIpLegacy(ip, at);
      return causes.length > 0 ? causes : validateEndpointIp(ip, at);
    }),
    ...requiredOneOf(spec.type, TYPES, "spec.type"),
    ...validateLoadBalancer(spec),
    ...validateTraffic(spec),
  ];
}

function validateTypeFields(spec: ServiceSpec, headless: boolean): Causes {
  switch (spec.type ?? "") {
    case "LoadBalancer":
    case "NodePort":
      if (!headless) return NONE;
      return [
        field.invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`),
      ];
    case "ExternalName": {
      const name = (spec.externalName ?? "").replace(/\.$/, "");
      const message = "may not be set for ExternalName services";
      return [
        ...((spec.clusterIPs?.length ?? 0) > 0 ? [field.forbidden("spec.clusterIPs", message)] : NONE),
        ...((spec.ipFamilies?.length ?? 0) > 0 ? [field.forbidden("spec.ipFamilies", message)] : NONE),
        ...(spec.ipFamilyPolicy === undefined ? NONE : [field.forbidden("spec.ipFamilyPolicy", message)]),
        ...(name === ""
          ? [field.required("spec.externalName")]
          : obeys(isDns1123Subdomain, name, "spec.externalName")),
      ];
    }
    default:
      return NONE;
  }
}

function validatePorts({ ports = [], type }: ServiceSpec): Causes {
  const names = new Set<string>();
  const nodePorts = new Set<string>();
  const numbers = new Set<string>();
  return each(ports, "spec.ports", (port, at) => {
    const { name = "", nodePort = 0, protocol = "" } = port;
    const nodePath = field.child(at, "nodePort");
    const [nodeKey, key] = [`${protocol}/${nodePort}`, `${protocol}/${port.port}`];
    const causes = [
      ...validateServicePort(port, ports.length > 1, at),
      ...(name !== "" && names.has(name) ? [field.duplicate(field.child(at, "name"), name)] : NONE),
      ...(type === "ClusterIP" && nodePort !== 0
        ? [field.forbidden(nodePath, "may not be used when `type` is 'ClusterIP'")]
        : NONE),
      ...(nodePort !== 0 && nodePorts.has(nodeKey) ? [field.duplicate(nodePath, nodePort)] : NONE),
      ...(numbers.has(key) ? [field.duplicate(at, { port: port.port, protocol })] : NONE),
    ];
    names.add(name);
    nodePorts.add(nodeKey);
    numbers.add(key);
    return causes;
  });
}

function validateServicePort(port: ServicePort, needsName: boolean, path: string): Causes {
  const { name = "", protocol, appProtocol } = port;
  return [
    ...validatePortName(name, needsName, field.child(path, "name")),
    ...isPortNumber(port.port).map((message) => field.invalid(field.child(path, "port"), port.port, message)),
    ...requiredOneOf(protocol, ["SCTP", "TCP", "UDP"], field.child(path, "protocol")),
    ...validatePort(port.targetPort ?? 0, field.child(path, "targetPort")),
    ...(appProtocol === undefined
      ? NONE
      : obeys(isQualifiedName, appProtocol, field.child(path, "appProtocol"))),
  ];
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec): Causes {
  const path = "spec.sessionAffinityConfig";
  const supported = requiredOneOf(sessionAffinity, ["ClientIP", "None"], "spec.sessionAffinity");
  if (sessionAffinity === "None" && config !== undefined) {
    return [...supported, field.forbidden(path, "must not be set when session affinity is None")];
  }
  if (sessionAffinity !== "ClientIP") return supported;
  const message = "when session affinity type is ClientIP";
  if (config === undefined) return [field.required(path, message)];
  if (config.clientIP === undefined) return [field.required(`${path}.clientIP`, message)];
  const at = `${path}.clientIP.timeoutSeconds`;
  const seconds = config.clientIP.timeoutSeconds;
  if (seconds === undefined) return [field.required(at, message)];
  if (seconds > 0 && seconds <= AFFINITY_SECONDS_MAX) return NONE;
  return [field.invalid(at, seconds, `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`)];
}

function validateLoadBalancer(spec: ServiceSpec): Causes {
  const isLoadBalancer = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  // Upstream writes this field's name with a capital.
  const rangesPath = "spec.LoadBalancerSourceRanges";
  const { allocateLoadBalancerNodePorts: allocates, loadBalancerClass } = spec;
  const classPath = "spec.loadBalancerClass";
  return [
    ...(ranges.length > 0 && !isLoadBalancer ? [field.forbidden(rangesPath, ONLY_LOAD_BALANCER)] : NONE),
    ...each(ranges, rangesPath, (range, at) => validCidrLegacy(range.trim(), at)),
    ...(allocates !== undefined && !isLoadBalancer
      ? [field.forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER)]
      : NONE),
    ...(allocates === undefined && isLoadBalancer ? [field.required("allocateLoadBalancerNodePorts")] : NONE),
    ...(loadBalancerClass === undefined
      ? NONE
      : isLoadBalancer
        ? obeys(isQualifiedName, loadBalancerClass, classPath)
        : [field.forbidden(classPath, ONLY_LOAD_BALANCER)]),
  ];
}

function validateTraffic(spec: ServiceSpec): Causes {
  const external = isExternallyAccessible(spec.type ?? "", spec);
  const policy = spec.externalTrafficPolicy ?? "";
  const policyPath = "spec.externalTrafficPolicy";
  const health = spec.healthCheckNodePort ?? 0;
  const healthMessage =
    "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  const internalPath = "spec.internalTrafficPolicy";
  const needsInternal = spec.internalTrafficPolicy === undefined && spec.type !== "ExternalName";
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
  return [
    ...(external
      ? requiredOneOf(policy, ["Cluster", "Local"], policyPath)
      : policy === ""
        ? NONE
        : [field.invalid(policyPath, policy, "may only be set for externally-accessible services")]),
    ...(health !== 0 && !needsHealthCheck(spec)
      ? [field.invalid("spec.healthCheckNodePort", health, healthMessage)]
      : NONE),
    ...(needsInternal
      ? [field.required(internalPath)]
      : oneOf(spec.internalTrafficPolicy, ["Cluster", "Local"], internalPath)),
    ...oneOf(spec.trafficDistribution, distributions, "spec.trafficDistribution"),
  ];
}
