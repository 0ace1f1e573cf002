/** Rules for Ingresses. @module */
import {
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
} from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { parseIp } from "../../validation/ip.ts";
import { validateTypedReference } from "../../validation/references.ts";
import type { HTTPIngressPath, Ingress, IngressBackend } from "./types.gen.ts";

const PATH_TYPES: readonly string[] = ["Exact", "ImplementationSpecific", "Prefix"];
const BAD_SEQUENCES: readonly string[] = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_SUFFIXES: readonly string[] = ["/..", "/."];

export function validateIngress({ spec = {} }: Ingress): Causes {
  const { rules = [], defaultBackend, tls, ingressClassName } = spec;
  const isEmpty = rules.length === 0 && defaultBackend === undefined;
  return [
    ...(isEmpty
      ? [field.invalid("spec", rules, "either `defaultBackend` or `rules` must be specified")]
      : NONE),
    ...(defaultBackend === undefined ? NONE : validateBackend(defaultBackend, "spec.defaultBackend")),
    ...each(rules, "spec.rules", (rule, at) => [
      ...validateRuleHost(rule.host ?? "", field.child(at, "host")),
      ...(rule.http === undefined ? NONE : validatePaths(rule.http.paths, field.child(at, "http", "paths"))),
    ]),
    ...each(tls, "spec.tls", (entry, at) => [
      ...each(entry.hosts, field.child(at, "hosts"), validateHost),
      ...(entry.secretName
        ? obeys(isDns1123Subdomain, entry.secretName, field.child(at, "secretName"))
        : NONE),
    ]),
    ...(ingressClassName === undefined
      ? NONE
      : obeys(isDns1123Subdomain, ingressClassName, "spec.ingressClassName")),
  ];
}

function validateRuleHost(host: string, path: string): Causes {
  if (host === "") return NONE;
  const isIp = parseIp(host) !== undefined;
  return [
    ...(isIp ? [field.invalid(path, host, "must be a DNS name, not an IP address")] : NONE),
    ...validateHost(host, path),
  ];
}

function validateHost(host: string, path: string): Causes {
  return obeys(host.includes("*") ? isWildcardDns1123Subdomain : isDns1123Subdomain, host, path);
}

function validatePaths(paths: readonly HTTPIngressPath[], path: string): Causes {
  if (paths.length === 0) return [field.required(path)];
  return each(paths, path, ({ path: target = "", pathType, backend }, at) => {
    const typePath = field.child(at, "pathType");
    if (!pathType) return [field.required(typePath, "pathType must be specified")];
    return [
      ...oneOf(pathType, PATH_TYPES, typePath),
      ...validateTarget(target, pathType, field.child(at, "path")),
      ...validateBackend(backend, field.child(at, "backend")),
    ];
  });
}

function validateTarget(target: string, type: string, path: string): Causes {
  const absolute = target.startsWith("/") || (type === "ImplementationSpecific" && target === "");
  const strict = type === "Exact" || type === "Prefix";
  if (!strict && type !== "ImplementationSpecific") return NONE;
  return [
    ...(absolute ? NONE : [field.invalid(path, target, "must be an absolute path")]),
    ...BAD_SEQUENCES.filter((sequence) => strict && target.includes(sequence)).map((sequence) =>
      field.invalid(path, target, `must not contain '${sequence}'`),
    ),
    ...BAD_SUFFIXES.filter((suffix) => strict && target.endsWith(suffix)).map((suffix) =>
      field.invalid(path, target, `cannot end with '${suffix}'`),
    ),
  ];
}

function validateBackend({ resource, service }: IngressBackend, path: string): Causes {
  if (resource !== undefined && service !== undefined) {
    return [field.invalid(path, "", "cannot set both resource and service backends")];
  }
  if (resource !== undefined) return validateTypedReference(resource, field.child(path, "resource"));
  if (service === undefined) return [field.invalid(path, "", "resource or service backend is required")];
  const namePath = field.child(path, "service", "name");
  return [
    ...(service.name === "" ? [field.required(namePath)] : obeys(isDns1123Label, service.name, namePath)),
    ...validateBackendPort(service.port?.name ?? "", service.port?.number ?? 0, path),
  ];
}

function validateBackendPort(name: string, number: number, path: string): Causes {
  const at = field.child(path, "service", "port");
  if (name !== "" && number !== 0)
    return [field.invalid(path, "", "cannot set both port name & port number")];
  if (name !== "") return obeys(isPortName, name, field.child(at, "name"));
  if (number === 0) return [field.required(path, "port name or number is required")];
  return isPortNumber(number).map((message) => field.invalid(field.child(at, "number"), number, message));
}
