/** Cluster IPs of a service and their families. @module */
import { field } from "#apimachinery";
import { each, NONE, oneOf, type Causes } from "../../validation/common.ts";
import { familyOf } from "../../validation/ip-range.ts";
import { validIpLegacy } from "../../validation/ip.ts";
import type { ServiceSpec } from "./types.gen.ts";

const IPS_PATH = "spec.clusterIPs";
const FAMILIES_PATH = "spec.ipFamilies";

/** `known`: addresses that the service has already. */
export function validateClusterIps(spec: ServiceSpec, known: readonly string[] = []): Causes {
  if (spec.type === "ExternalName") return NONE;
  const { clusterIP = "", clusterIPs = [], ipFamilies = [] } = spec;
  const seen = new Set<string>();
  const addresses = each(clusterIPs, IPS_PATH, (ip, at, i) => {
    if (i > 0 || ip !== "None") return validIpLegacy(ip, at, known);
    return clusterIPs.length > 1
      ? [field.invalid(IPS_PATH, clusterIPs, "'None' must be the first and only value")]
      : NONE;
  });
  return [
    ...firstMatches(clusterIP, clusterIPs),
    ...each(ipFamilies, FAMILIES_PATH, (family, at) => {
      const repeated = seen.has(family);
      seen.add(family);
      return [...oneOf(family, ["IPv4", "IPv6"], at), ...(repeated ? [field.duplicate(at, family)] : NONE)];
    }),
    ...oneOf(
      spec.ipFamilyPolicy,
      ["PreferDualStack", "RequireDualStack", "SingleStack"],
      "spec.ipFamilyPolicy",
    ),
    ...addresses,
    ...(clusterIPs.length > 2 ? [field.invalid(IPS_PATH, clusterIPs, "may only hold up to 2 values")] : NONE),
    ...(addresses.length > 0 ? NONE : validateFamilies(clusterIPs, ipFamilies)),
  ];
}

function firstMatches(clusterIP: string, clusterIPs: readonly string[]): Causes {
  if (clusterIP === "") {
    if (clusterIPs.length === 0) return NONE;
    return [field.invalid(IPS_PATH, clusterIPs, "must be empty when `clusterIP` is not specified")];
  }
  if (clusterIPs.length === 0) return [field.required(IPS_PATH)];
  return clusterIPs[0] === clusterIP
    ? NONE
    : [field.invalid(IPS_PATH, clusterIPs, "first value must match `clusterIP`")];
}

function validateFamilies(clusterIPs: readonly string[], families: readonly string[]): Causes {
  const distinct = new Set(clusterIPs.map(familyOf)).size;
  const headless = clusterIPs.length === 1 && clusterIPs[0] === "None";
  return [
    ...(clusterIPs.length > 1 && distinct < 2
      ? [field.invalid(IPS_PATH, clusterIPs, "may specify no more than one IP for each IP family")]
      : NONE),
    ...each(headless ? [] : clusterIPs, IPS_PATH, (ip, at, i) => {
      const family = families[i];
      if (family === undefined || family === familyOf(ip)) return NONE;
      return [field.invalid(at, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``)];
    }),
  ];
}
