/** What an update of a service may not change once it was chosen. @module */
import { field, isDns1123Subdomain, isQualifiedName } from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { parseIp, validIpLegacy } from "../../validation/ip.ts";
import { needsHealthCheck } from "./service-strategy.ts";
import type { Service, ServiceSpec } from "./types.gen.ts";

const ONCE_SET = "may not change once set";

export function validateServiceUpdate(service: Service, old: Service): Causes {
  const [spec, before] = [service.spec, old.spec];
  if (spec === undefined || before === undefined) return NONE;
  return [
    ...chosenStays(spec, before, "clusterIPs", "clusterIP"),
    ...chosenStays(spec, before, "ipFamilies", "ipFamily"),
    ...validateClassChange(spec, before),
    ...(needsHealthCheck(before) &&
    needsHealthCheck(spec) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
      ? [field.forbidden("spec.healthCheckNodePort", field.IMMUTABLE_MESSAGE)]
      : NONE),
  ];
}

export function validateLoadBalancerClass({ type, loadBalancerClass: name }: ServiceSpec): Causes {
  const path = "spec.loadBalancerClass";
  if (name === undefined) return NONE;
  if (type !== "LoadBalancer")
    return [field.forbidden(path, "may only be used when `type` is 'LoadBalancer'")];
  return obeys(isQualifiedName, name, path);
}

function validateClassChange(spec: ServiceSpec, old: ServiceSpec): Causes {
  const both = spec.type === "LoadBalancer" && old.type === "LoadBalancer";
  if (!both || spec.loadBalancerClass === old.loadBalancerClass) return NONE;
  return [field.invalid("spec.loadBalancerClass", spec.loadBalancerClass, ONCE_SET)];
}

/** The first value stays for ever; the second may be added, and released by going back to SingleStack. */
function chosenStays(
  spec: ServiceSpec,
  old: ServiceSpec,
  name: "clusterIPs" | "ipFamilies",
  singular: string,
): Causes {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return NONE;
  const [now, before] = [spec[name] ?? [], old[name] ?? []];
  if (isHeadless(spec) && isHeadless(old)) return NONE;
  if (name === "ipFamilies" && isHeadless(spec) !== isHeadless(old)) return NONE;
  const path = field.child("spec", name);
  if (now.length === before.length) {
    return each(before, path, (value, at, i) =>
      value === now[i] ? NONE : [field.invalid(name === "clusterIPs" ? at : `${path}[0]`, now, ONCE_SET)],
    );
  }
  const first = field.index(path, 0);
  if (now.length === 0) return [field.invalid(first, now, `primary ${singular} can not be unset`)];
  const released = before.length > now.length && now.length === 1 && spec.ipFamilyPolicy !== "SingleStack";
  const message = `must be set to 'SingleStack' when releasing the secondary ${singular}`;
  return [
    ...(before.length > 0 && now[0] !== before[0] ? [field.invalid(first, now, ONCE_SET)] : NONE),
    ...(released ? [field.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, message)] : NONE),
  ];
}

const isHeadless = (s: ServiceSpec): boolean => s.clusterIPs?.length === 1 && s.clusterIPs[0] === "None";

/** What a load balancer's controller may say. */
export function validateServiceStatusUpdate({ spec, status }: Service, old: Service): Causes {
  const path = "status.loadBalancer.ingress";
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== "LoadBalancer" && ingress.length > 0) {
    return [field.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  const known = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return each(ingress, path, ({ ip = "", ipMode, hostname = "" }, at) => [
    ...(ip === "" ? NONE : validIpLegacy(ip, field.child(at, "ip"), known)),
    ...validateIpMode(ip, ipMode, field.child(at, "ipMode")),
    ...(hostname === "" ? NONE : obeys(isDns1123Subdomain, hostname, field.child(at, "hostname"))),
    ...(hostname !== "" && parseIp(hostname) !== undefined
      ? [field.invalid(field.child(at, "hostname"), hostname, "must be a DNS name, not an IP address")]
      : NONE),
  ]);
}

function validateIpMode(ip: string, mode: string | undefined, path: string): Causes {
  if (mode === undefined) {
    return ip === "" ? NONE : [field.required(path, "must be specified when `ip` is set")];
  }
  if (ip === "") return [field.forbidden(path, "may not be specified when `ip` is not set")];
  return oneOf(mode, ["Proxy", "VIP"], path);
}
