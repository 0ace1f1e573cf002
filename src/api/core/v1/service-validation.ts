/** Rules for Services. @module */
import { field, isDns1123Subdomain, isPortNumber, validateLabels } from "#apimachinery";
import { each, NONE, obeys, oneOf, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateEndpointIp } from "../../validation/endpoint-ip.ts";
import { validCidrLegacy, validIpLegacy } from "../../validation/ip.ts";
import { validateClusterIps } from "./service-cluster-ips.ts";
import { isExternallyAccessible } from "./service-defaults.ts";
import { validatePortConflicts, validateServicePorts } from "./service-port-validation.ts";
import { needsHealthCheck } from "./service-strategy.ts";
import { validateLoadBalancerClass, validateServiceUpdate } from "./service-update-validation.ts";
import type { Service, ServiceSpec } from "./types.gen.ts";

const TYPES: readonly string[] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITY_SECONDS_MAX = 86_400;
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";

function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

export function validateService(service: Service, old?: Service): Causes {
  return [
    ...(old === undefined ? NONE : validateServiceUpdate(service, old)),
    ...validateWhole(service, old),
  ];
}

function validateWhole(service: Service, old: Service | undefined): Causes {
  const { spec, metadata } = service;
  if (spec === undefined) return [field.required("spec.ports")];
  const headless = isHeadless(spec);
  const needsPorts = (spec.ports?.length ?? 0) === 0 && !headless && spec.type !== "ExternalName";
  return [
    ...validateTopologyAnnotations(metadata.annotations),
    ...(needsPorts ? [field.required("spec.ports")] : NONE),
    ...validateTypeFields(spec, headless),
    ...validateServicePorts(spec),
    ...validateLabels(spec.selector, "spec.selector"),
    ...validateAffinity(spec),
    ...validateClusterIps(spec, old?.spec?.clusterIPs),
    ...each(spec.externalIPs, "spec.externalIPs", (ip, at) => {
      const causes = validIpLegacy(ip, at, old?.spec?.externalIPs);
      return causes.length > 0 ? causes : validateEndpointIp(ip, at);
    }),
    ...requiredOneOf(spec.type, TYPES, "spec.type"),
    ...validatePortConflicts(spec),
    ...validateLoadBalancer(service, spec, old),
    ...validateTraffic(spec),
  ];
}

const TOPOLOGY_MODE = "service.kubernetes.io/topology-mode";
const TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints";

function validateTopologyAnnotations(annotations: Readonly<Record<string, string>> = {}): Causes {
  const [mode, hints] = [annotations[TOPOLOGY_MODE], annotations[TOPOLOGY_HINTS]];
  if (mode === undefined || hints === undefined || mode === hints) return NONE;
  const message = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  return [field.invalid(field.key("metadata.annotations", TOPOLOGY_MODE), mode, message)];
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

function validateLoadBalancer(service: Service, spec: ServiceSpec, old: Service | undefined): Causes {
  const isLoadBalancer = spec.type === "LoadBalancer";
  const { allocateLoadBalancerNodePorts: allocates } = spec;
  return [
    ...validateSourceRanges(service, spec, old),
    ...(allocates !== undefined && !isLoadBalancer
      ? [field.forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER)]
      : NONE),
    ...(allocates === undefined && isLoadBalancer ? [field.required("allocateLoadBalancerNodePorts")] : NONE),
    ...validateLoadBalancerClass(spec),
  ];
}

const RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges";

/** Blanks around ranges are part of the API by now. */
function validateSourceRanges(service: Service, spec: ServiceSpec, old: Service | undefined): Causes {
  const isLoadBalancer = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = service.metadata.annotations?.[RANGES_ANNOTATION];
  if (ranges.length > 0) {
    // Upstream writes this field's name with a capital.
    const path = "spec.LoadBalancerSourceRanges";
    const known = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    return [
      ...(isLoadBalancer ? NONE : [field.forbidden(path, ONLY_LOAD_BALANCER)]),
      ...each(ranges, path, (range, at) => validCidrLegacy(range.trim(), at, known)),
    ];
  }
  if (annotation === undefined) return NONE;
  const path = field.key("metadata.annotations", RANGES_ANNOTATION);
  const isChanged = old?.metadata.annotations?.[RANGES_ANNOTATION] !== annotation && annotation.trim() !== "";
  return [
    ...(isLoadBalancer ? NONE : [field.forbidden(path, ONLY_LOAD_BALANCER)]),
    ...(isChanged ? annotation.split(",").flatMap((range) => validCidrLegacy(range.trim(), path)) : []),
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
  const isInternal = ["NodePort", "LoadBalancer", "ClusterIP"].includes(spec.type ?? "");
  const needsInternal = spec.internalTrafficPolicy === undefined && isInternal;
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
  const healthPath = "spec.healthCheckNodePort";
  return [
    ...(external
      ? requiredOneOf(policy, ["Cluster", "Local"], policyPath)
      : policy === ""
        ? NONE
        : [field.invalid(policyPath, policy, "may only be set for externally-accessible services")]),
    ...(needsHealthCheck(spec)
      ? health === 0
        ? [field.required(healthPath)]
        : field.invalidFor(healthPath, health, isPortNumber(health))
      : health === 0
        ? NONE
        : [field.invalid(healthPath, health, healthMessage)]),
    ...(needsInternal
      ? [field.required(internalPath)]
      : oneOf(spec.internalTrafficPolicy, ["Cluster", "Local"], internalPath)),
    ...oneOf(spec.trafficDistribution, distributions, "spec.trafficDistribution"),
  ];
}
