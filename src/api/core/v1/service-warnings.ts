/** What the API server warns about in Services. @module */
import { warningsForCidr, warningsForIp } from "../../validation/address-warnings.ts";
import type { Service, ServiceSpec } from "./types.gen.ts";

const HINTS = "service.kubernetes.io/topology-aware-hints";
const MODE = "service.kubernetes.io/topology-mode";

type Warnings = readonly string[];

export function warningsForService(
  service: Service,
  old: Service | undefined,
  subresource: string,
): Warnings {
  if (old !== undefined && subresource === "status") return warningsForStatus(service);
  const { spec = {}, metadata } = service;
  return [
    ...(metadata.annotations?.[HINTS] === undefined
      ? []
      : [`annotation ${HINTS} is deprecated, please use ${MODE} instead`]),
    ...warningsForAddresses(spec),
    ...(spec.type !== "ExternalName" && spec.externalName
      ? ['spec.externalName is ignored when spec.type is not "ExternalName"']
      : []),
    ...(spec.trafficDistribution === "PreferClose"
      ? ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"']
      : []),
  ];
}

function warningsForStatus({ status }: Service): Warnings {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
    ip ? warningsForIp(ip, `status.loadBalancer.ingress[${i}]`) : [],
  );
}

function warningsForAddresses(spec: ServiceSpec): Warnings {
  const { clusterIP = "", clusterIPs = [], externalIPs = [], loadBalancerIP = "", type } = spec;
  const hasIp = clusterIP !== "" && clusterIP !== "None" && type !== "ExternalName";
  const isHeadless = type === "ClusterIP" && clusterIP === "None";
  const hasExternal = externalIPs.length > 0;
  const ofHeadless = [
    ...(loadBalancerIP === "" ? [] : ["spec.loadBalancerIP is ignored for headless services"]),
    ...(hasExternal ? ["spec.externalIPs is ignored for headless services"] : []),
    ...(spec.sessionAffinity === "None" ? [] : ["spec.SessionAffinity is ignored for headless services"]),
  ];
  return [
    ...(hasIp ? clusterIPs.flatMap((ip, i) => warningsForIp(ip, `spec.clusterIPs[${i}]`)) : []),
    ...(isHeadless ? ofHeadless : []),
    ...externalIPs.flatMap((ip, i) => warningsForIp(ip, `spec.externalIPs[${i}]`)),
    ...(hasExternal && !isHeadless && type !== "ExternalName"
      ? ["spec.externalIPs is deprecated and may no longer be implemented in some clusters"]
      : []),
    ...(loadBalancerIP === "" ? [] : warningsForIp(loadBalancerIP, "spec.loadBalancerIP")),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((range, i) =>
      warningsForCidr(range, `spec.loadBalancerSourceRanges[${i}]`),
    ),
    ...(type === "ExternalName" && hasExternal
      ? ['spec.externalIPs is ignored when spec.type is "ExternalName"']
      : []),
  ];
}
