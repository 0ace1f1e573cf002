/** What an update of a service may not change once it was chosen. @module */
import { field } from "#apimachinery";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { needsHealthCheck } from "./service-strategy.ts";
import type { Service, ServiceSpec } from "./types.gen.ts";

const ONCE_SET = "may not change once set";

export function validateServiceUpdate(service: Service, old: Service): Causes {
  const [spec, before] = [service.spec, old.spec];
  if (spec === undefined || before === undefined) return NONE;
  return [
    ...chosenStays(spec, before, "clusterIPs", "clusterIP"),
    ...chosenStays(spec, before, "ipFamilies", "ipFamily"),
    ...validateClass(spec, before),
    ...(needsHealthCheck(before) &&
    needsHealthCheck(spec) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
      ? [field.forbidden("spec.healthCheckNodePort", field.IMMUTABLE_MESSAGE)]
      : NONE),
  ];
}

function validateClass(spec: ServiceSpec, old: ServiceSpec): Causes {
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
